// The app of bolt_feature_app.py in Bolt for JavaScript: in Socket Mode, or at the request URL of $PORT.
const { App } = require('@slack/bolt');

const port = process.env.PORT;
const app = new App({
  token: process.env.SLACK_BOT_TOKEN,
  appToken: process.env.SLACK_APP_TOKEN,
  signingSecret: process.env.SLACK_SIGNING_SECRET,
  socketMode: !port,
  clientOptions: { slackApiUrl: process.env.SLACK_API_URL },
});
const plain = (text) => ({ type: 'plain_text', text });
const modal = (callback_id, more) => ({
  type: 'modal', callback_id, title: plain('Ask'), submit: plain('Send'),
  blocks: [{ type: 'input', block_id: 'say', label: plain('Say'), element: { type: 'plain_text_input', action_id: 'typed' } }],
  ...more,
});
const button = {
  type: 'actions', block_id: 'buttons',
  elements: [{ type: 'button', action_id: 'more', text: plain('More'), value: '1' }],
};

app.command('/deploy', async ({ ack, respond, command }) => {
  await ack('On it');
  await respond({ text: `Done: ${command.text}`, response_type: 'in_channel' });
});
app.message(/hello (.*)/, async ({ say, context, message }) => {
  await say({ text: `hello to ${context.matches[1]}`, thread_ts: message.ts, blocks: [button] });
});
app.event('app_mention', async ({ event, client }) => {
  await client.reactions.add({ channel: event.channel, timestamp: event.ts, name: 'eyes' });
});
app.event('app_home_opened', async ({ event, client }) => {
  await client.views.publish({ user_id: event.user, view: { type: 'home', blocks: [button] } });
});
app.action('more', async ({ ack, respond, action }) => {
  await ack();
  await respond({ text: `clicked ${action.value}`, replace_original: true });
});
app.shortcut('ask', async ({ ack, shortcut, client }) => {
  await ack();
  await client.views.open({ trigger_id: shortcut.trigger_id, view: modal('first') });
});
app.view('first', async ({ ack, view }) => {
  const said = view.state.values.say.typed.value;
  if (said === 'wrong') await ack({ response_action: 'errors', errors: { say: 'That is wrong' } });
  else await ack({ response_action: 'update', view: modal('second', { private_metadata: said, notify_on_close: true }) });
});
app.view({ callback_id: 'second', type: 'view_closed' }, async ({ ack, client }) => {
  await ack();
  await client.chat.postMessage({ channel: 'C0GENERAL01', text: 'closed' });
});
app.options('team', async ({ ack, payload }) => {
  await ack({ options: [{ text: plain(payload.value.toUpperCase()), value: payload.value }] });
});
app.shortcut({ type: 'message_action', callback_id: 'keep' }, async ({ ack, shortcut, client }) => {
  await ack();
  await client.chat.postEphemeral({ channel: 'C0GENERAL01', user: shortcut.user.id, text: shortcut.message.text });
});
app.function('sum', async ({ inputs, complete, fail }) => {
  if (inputs.b === 0) await fail({ error: 'there is no such sum' });
  else await complete({ outputs: { sum: inputs.a + inputs.b } });
});
app.event('reaction_added', async ({ event, client, context }) => {
  const about = { channel: event.item.channel };
  const { ts } = await client.apiCall('chat.startStream', {
    ...about, thread_ts: event.item.ts, recipient_team_id: context.teamId, recipient_user_id: event.user,
  });
  for (const words of ['one ', 'two']) await client.apiCall('chat.appendStream', { ...about, ts, markdown_text: words });
  await client.apiCall('chat.stopStream', { ...about, ts });
});
app.event('pin_added', async ({ event, client }) => {
  await client.filesUploadV2({ channel_id: event.channel_id, content: 'as it was', filename: 'a.txt' });
});
app.event('file_shared', async ({ event, client, context }) => {
  const { file } = await client.files.info({ file: event.file_id });
  const answer = await fetch(file.url_private, { headers: { Authorization: `Bearer ${context.botToken}` } });
  await client.chat.postMessage({ channel: event.channel_id, text: `read: ${await answer.text()}` });
});

process.on('SIGTERM', () => process.exit(0));
app.start(port ? Number(port) : undefined).then(() => console.log('running'));

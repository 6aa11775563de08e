// An app in Bolt for JavaScript with what Bolt has helpers for.
const { App, Assistant } = require('@slack/bolt');

const app = new App({
  token: process.env.SLACK_BOT_TOKEN,
  appToken: process.env.SLACK_APP_TOKEN,
  socketMode: true,
  clientOptions: { slackApiUrl: process.env.SLACK_API_URL },
});
const plain = (text) => ({ type: 'plain_text', text });

app.assistant(new Assistant({
  threadStarted: async ({ say, setSuggestedPrompts }) => {
    await say('Hello');
    await setSuggestedPrompts({ prompts: [{ title: 'Weather', message: 'What is the weather?' }] });
  },
  userMessage: async ({ message, say, setTitle, setStatus }) => {
    await setTitle(message.text);
    await setStatus('is thinking...');
    await say('Rain');
  },
}));

app.function('sum', async ({ inputs, complete }) => {
  await complete({ outputs: { sum: inputs.a + inputs.b } });
});

app.event('app_mention', async ({ event, client, context }) => {
  const stream = client.chatStream({
    channel: event.channel, thread_ts: event.ts, recipient_team_id: context.teamId, recipient_user_id: event.user,
  });
  await stream.append({ markdown_text: 'one ' });
  await stream.stop({ markdown_text: 'two' });
});

app.command('/report', async ({ ack, client, command }) => {
  await ack('On it');
  await client.filesUploadV2({ channel_id: command.channel_id, content: 'a,b', filename: 'report.csv' });
});

const input = (block_id, element) => ({ type: 'input', block_id, label: plain(block_id), element });
const modal = (callback_id, blocks) => ({ type: 'modal', callback_id, title: plain('Ask'), submit: plain('Next'), blocks });

app.shortcut('order', async ({ ack, shortcut, client }) => {
  await ack();
  await client.views.open({
    trigger_id: shortcut.trigger_id,
    view: modal('first', [
      input('name', { type: 'plain_text_input', action_id: 'typed' }),
      input('team', { type: 'external_select', action_id: 'team', min_query_length: 1 }),
    ]),
  });
});
app.options('team', async ({ ack, payload }) => {
  await ack({ options: [{ text: plain(payload.value.toUpperCase()), value: payload.value }] });
});
app.view('first', async ({ ack, view }) => {
  const { name, team } = view.state.values;
  const words = `${name.typed.value} of ${team.team.selected_option.value}`;
  await ack({ response_action: 'push', view: modal('second', [{ type: 'section', text: plain(words) }]) });
});
app.view('second', async ({ ack }) => {
  await ack({ response_action: 'clear' });
});

app.message(async () => {});
process.on('SIGTERM', () => process.exit(0));
app.start();

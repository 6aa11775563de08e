// A program as its users write it: hears events, answers commands, through @slack/socket-mode and @slack/web-api.
const { SocketModeClient } = require('@slack/socket-mode');
const { WebClient } = require('@slack/web-api');

const clientOptions = { slackApiUrl: process.env.SLACK_API_URL };
const web = new WebClient(process.env.SLACK_BOT_TOKEN, clientOptions);
const client = new SocketModeClient({
  appToken: process.env.SLACK_APP_TOKEN,
  clientOptions,
  clientPingTimeout: 2000,
});

client.on('app_mention', async ({ event, ack }) => {
  await ack();
  await web.chat.postMessage({ channel: event.channel, text: 'heard', blocks: [] });
});
client.on('slash_commands', async ({ ack }) => {
  await ack({ text: 'done' });
});
process.on('SIGTERM', () => process.exit(0));
client.start();

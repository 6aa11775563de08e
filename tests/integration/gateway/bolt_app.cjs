// An app as its users write it, in Bolt for JavaScript: in Socket Mode, or at the request URL of $PORT.
const { App } = require('@slack/bolt');

const port = process.env.PORT;
const app = new App({
  token: process.env.SLACK_BOT_TOKEN,
  appToken: process.env.SLACK_APP_TOKEN,
  signingSecret: process.env.SLACK_SIGNING_SECRET,
  socketMode: !port,
  clientOptions: { slackApiUrl: process.env.SLACK_API_URL },
});

app.event('app_mention', async ({ say }) => {
  await say('heard');
});
app.command('/deploy', async ({ ack }) => {
  await ack('done');
});
process.on('SIGTERM', () => process.exit(0));
app.start(port ? Number(port) : undefined).then(() => console.log('running'));

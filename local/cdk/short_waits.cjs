// The CDK asks CloudFormation every five seconds whether a deployment is done, and every two what has happened. The
// emulator is done sooner. Only these waits are shortened: those of requests and of their repetitions keep their time.
const { promisify } = require("node:util");

const SHORT_MS = { waitFor: 250, scheduleNextTick: 500 };
const POLLING = /\bat (?:async )?(?:\w+\.)?(waitFor|scheduleNextTick) /;
const wait = globalThis.setTimeout;

function shortWait(callback, milliseconds, ...given) {
  const polling = milliseconds > 1000 && POLLING.exec(new Error().stack);
  return wait(callback, polling ? SHORT_MS[polling[1]] : milliseconds, ...given);
}

shortWait[promisify.custom] = wait[promisify.custom];
globalThis.setTimeout = shortWait;

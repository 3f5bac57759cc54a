// What the programs of this folder share. RINGPOST_SERVER says which server they talk to, RINGPOST_SOCKET on which file it
// listens too, and NODE_FOLDER where npm has put its packages.

import { createRequire } from 'node:module';
import { setTimeout as pause } from 'node:timers/promises';

const DEADLINE_MS = 30_000;
const PAUSE_MS = 5;
const STACK_LINES_MAX = 20;

export const load = createRequire(`${process.env.NODE_FOLDER}/`);
export const [host, port] = process.env.RINGPOST_SERVER.split(':');
export const socket = process.env.RINGPOST_SOCKET;
export const say = (...words) => console.log(words.join(' '));

let names = 0;

// A name that no other program uses.
export const unique = (name) => `${name}-${process.pid}-${++names}`;

// Until `isSo()` holds; what it returned then.
export async function until(isSo, what) {
  const deadline = Date.now() + DEADLINE_MS;
  for (;;) {
    const result = await isSo();
    if (result) return result;
    if (Date.now() > deadline) throw new Error(`waited in vain until ${what}`);
    await pause(PAUSE_MS);
  }
}

const sentence = (check) => check.name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);

// Runs each check, a function named as a sentence, and exits 1 if one of them fails.
export async function runChecks(checks) {
  for (const check of checks) {
    try {
      await check();
      say('ok     ', sentence(check));
    } catch (error) {
      say('FAILED ', sentence(check));
      say(error.stack.split('\n').slice(0, STACK_LINES_MAX).join('\n'));
      process.exitCode = 1;
    }
  }
}

// Runs what the command line names: `check`, or another program with its argument.
export async function main(programs) {
  const [name, argument] = process.argv.slice(2);
  await programs[name](argument);
}

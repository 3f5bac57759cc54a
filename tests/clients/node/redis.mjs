// Programs of node-redis, asked for RESP3: node redis.mjs check | listen CHANNEL | work LIST

import assert from 'node:assert/strict';
import { host, load, main, port, runChecks, say, socket, unique, until } from './program.mjs';

const { createClient, ErrorReply, RESP_TYPES, WatchError } = load('redis');

function client(options) {
  const made = createClient({ RESP: 3, socket: { host, port: Number(port) }, ...options });
  made.on('error', () => {}); // it connects again by itself
  return made;
}

// Runs `program` with so many connected clients, and closes them.
async function withClients(count, program, options) {
  const clients = Array.from({ length: count }, () => client(options));
  try {
    await Promise.all(clients.map((one) => one.connect()));
    await program(...clients);
  } finally {
    clients.forEach((one) => one.destroy());
  }
}

const isBlocked = (one, name) => async () =>
  (await one.clientList()).some((other) => other.name === name && other.flags.includes('b'));

function lastInIsFirstOut() {
  return withClients(1, async (one) => {
    const jobs = unique('jobs');
    for (const job of ['one', 'two', 'three']) await one.lPush(jobs, job);
    for (const element of ['three', 'two', 'one']) assert.deepEqual({ ...(await one.blPop(jobs, 0)) }, { key: jobs, element });
    assert.equal(await one.lPop(jobs), null);
    assert.equal(await one.blPop(jobs, 0.05), null);
  }, { database: 5 });
}

function aWorkerWaitsUntilThereIsWork() {
  return withClients(2, async (page, worker) => {
    const jobs = unique('jobs');
    await worker.clientSetName(jobs);
    const popped = worker.blPop(jobs, 0);
    await until(isBlocked(page, jobs), 'the worker waits');
    assert.equal(await page.lPush(jobs, 'work'), 1);
    assert.equal((await popped).element, 'work');
  });
}

function whatIsPublishedReachesAll() {
  return withClients(3, async (page, listener, other) => {
    const news = unique('news');
    const heard = [];
    await listener.subscribe(news, (message, channel) => heard.push(['plain', channel, message]));
    await other.pSubscribe(`${news}*`, (message, channel) => heard.push(['pattern', channel, message]));
    assert.equal(await page.publish(news, 'rain'), 2);
    await until(() => heard.length === 2, 'both hear it');
    assert.deepEqual(heard.sort(), [['pattern', news, 'rain'], ['plain', news, 'rain']]);
    await listener.unsubscribe(news);
    assert.equal(await page.publish(news, 'sun'), 1);
  });
}

function aSubscriberMayAskOtherThingsToo() {
  return withClients(1, async (one) => {
    const [news, jobs, heard] = [unique('news'), unique('jobs'), []];
    await one.subscribe(news, (message) => heard.push(message));
    assert.equal(await one.rPush(jobs, ['a', 'b']), 2);
    assert.equal(await one.publish(news, 'mine'), 1);
    assert.deepEqual(await one.lRange(jobs, 0, -1), ['a', 'b']);
    await until(() => heard.length === 1, 'it hears itself');
  });
}

function shardChannelsAreApart() {
  return withClients(2, async (page, listener) => {
    const [news, heard] = [unique('news'), []];
    await listener.sSubscribe(news, (message) => heard.push(message));
    assert.equal(await page.publish(news, 'to all'), 0);
    assert.equal(await page.sPublish(news, 'to the shard'), 1);
    await until(() => heard.length, 'it is heard');
    assert.deepEqual(heard, ['to the shard']);
  });
}

function aTransactionIsDoneAsOne() {
  return withClients(2, async (one, other) => {
    const [jobs, count] = [unique('jobs'), unique('count')];
    assert.deepEqual(await one.multi().rPush(jobs, ['a', 'b']).incr(count).lPop(jobs).exec(), [2, 1, 'a']);
    await one.watch(count);
    await other.incr(count);
    await assert.rejects(one.multi().incr(count).exec(), WatchError);
    assert.equal(await one.get(count), '2');
  });
}

function bytesStayAsTheyAre() {
  return withClients(1, async (one) => {
    const [jobs, bytes] = [unique('jobs'), Buffer.from([0, 13, 10, 255])];
    await one.rPush(jobs, bytes);
    assert.deepEqual(await one.withTypeMapping({ [RESP_TYPES.BLOB_STRING]: Buffer }).lPop(jobs), bytes);
  });
}

function aThousandCommandsGoAtOnce() {
  return withClients(1, async (one) => {
    const jobs = unique('jobs');
    const lengths = await Promise.all(Array.from({ length: 1000 }, (_, number) => one.rPush(jobs, `${number}`)));
    assert.deepEqual(lengths, Array.from({ length: 1000 }, (_, number) => number + 1));
    assert.equal(await one.lLen(jobs), 1000);
  });
}

function aValueIsNoList() {
  return withClients(1, async (one) => {
    const key = unique('result');
    assert.equal(await one.set(key, 'done', { expiration: { type: 'EX', value: 600 }, condition: 'NX' }), 'OK');
    assert.equal(await one.get(key), 'done');
    await assert.rejects(one.lPush(key, 'x'), (error) => error instanceof ErrorReply && error.message.startsWith('WRONGTYPE '));
    assert.equal(await one.del(key), 1);
  });
}

function aSocketFileIsAsGoodAsAPort() {
  return withClients(1, async (one) => assert.equal(await one.ping(), 'PONG'), { socket: { path: socket } });
}

function aKilledSubscriberComesBack() {
  return withClients(2, async (page, listener) => {
    const [news, heard] = [unique('news'), []];
    await listener.subscribe(news, (message) => heard.push(message));
    assert.equal(await page.clientKill({ filter: 'ID', id: await listener.clientId() }), 1);
    await until(async () => (await page.publish(news, 'back')) === 1, 'it is subscribed again');
    await until(() => heard.length, 'it hears again');
    assert.deepEqual(heard, ['back']);
  });
}

const check = () => runChecks([
  lastInIsFirstOut,
  aWorkerWaitsUntilThereIsWork,
  whatIsPublishedReachesAll,
  aSubscriberMayAskOtherThingsToo,
  shardChannelsAreApart,
  aTransactionIsDoneAsOne,
  bytesStayAsTheyAre,
  aThousandCommandsGoAtOnce,
  aValueIsNoList,
  aSocketFileIsAsGoodAsAPort,
  aKilledSubscriberComesBack,
]);

async function listen(channel) {
  const listener = client();
  await listener.connect();
  await listener.subscribe(channel, (message) => say(message));
  say('listening');
}

async function work(list) {
  const worker = client({ name: list });
  await worker.connect();
  for (;;) {
    try {
      say((await worker.blPop(list, 0)).element);
    } catch {
      // The connection is gone: the next BLPOP waits for the new one.
    }
  }
}

main({ check, listen, work });

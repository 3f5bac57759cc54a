// Programs of ioredis, which opens with HELLO 3: node ioredis.mjs check | listen CHANNEL | work LIST

import assert from 'node:assert/strict';
import { host, load, main, port, runChecks, say, socket, unique, until } from './program.mjs';

const { Redis } = load('ioredis');

function client(options) {
  const made = new Redis({ host, port: Number(port), maxRetriesPerRequest: null, ...options });
  made.on('error', () => {}); // it connects again by itself
  return made;
}

// Runs `program` with so many clients, and closes them.
async function withClients(count, program, options) {
  const clients = Array.from({ length: count }, () => client(options));
  try {
    await program(...clients);
  } finally {
    clients.forEach((one) => one.disconnect());
  }
}

const isBlocked = (one, name) => async () =>
  (await one.client('LIST')).split('\n').some((line) => line.includes(` name=${name} `) && / flags=\w*b/.test(line));

function lastInIsFirstOut() {
  return withClients(1, async (one) => {
    const jobs = unique('jobs');
    for (const job of ['one', 'two', 'three']) await one.lpush(jobs, job);
    for (const job of ['three', 'two', 'one']) assert.deepEqual(await one.blpop(jobs, 0), [jobs, job]);
    assert.equal(await one.lpop(jobs), null);
    assert.equal(await one.blpop(jobs, 0.05), null);
  }, { db: 5 });
}

function aWorkerWaitsUntilThereIsWork() {
  return withClients(2, async (page, worker) => {
    const jobs = unique('jobs');
    await worker.client('SETNAME', jobs);
    const popped = worker.blpop(jobs, 0);
    await until(isBlocked(page, jobs), 'the worker waits');
    assert.equal(await page.lpush(jobs, 'work'), 1);
    assert.deepEqual(await popped, [jobs, 'work']);
  });
}

function whatIsPublishedReachesAll() {
  return withClients(3, async (page, listener, other) => {
    const [news, heard] = [unique('news'), []];
    listener.on('message', (channel, message) => heard.push(['plain', channel, message]));
    other.on('pmessage', (pattern, channel, message) => heard.push([pattern, channel, message]));
    assert.equal(await listener.subscribe(news), 1);
    assert.equal(await other.psubscribe(`${news}*`), 1);
    assert.equal(await page.publish(news, 'rain'), 2);
    await until(() => heard.length === 2, 'both hear it');
    assert.deepEqual(heard.sort(), [[`${news}*`, news, 'rain'], ['plain', news, 'rain']]);
    assert.equal(await listener.unsubscribe(news), 0);
    assert.equal(await page.publish(news, 'sun'), 1);
  });
}

function shardChannelsAreApart() {
  return withClients(2, async (page, listener) => {
    const [news, heard] = [unique('news'), []];
    listener.on('smessage', (channel, message) => heard.push(message));
    await listener.ssubscribe(news);
    assert.equal(await page.publish(news, 'to all'), 0);
    assert.equal(await page.spublish(news, 'to the shard'), 1);
    await until(() => heard.length, 'it is heard');
    assert.deepEqual(heard, ['to the shard']);
  });
}

function aTransactionIsDoneAsOne() {
  return withClients(2, async (one, other) => {
    const [jobs, count] = [unique('jobs'), unique('count')];
    const results = await one.multi().rpush(jobs, 'a', 'b').incr(count).lpop(jobs).exec();
    assert.deepEqual(results, [[null, 2], [null, 1], [null, 'a']]);
    await one.watch(count);
    await other.incr(count);
    assert.equal(await one.multi().incr(count).exec(), null);
    assert.equal(await one.get(count), '2');
  });
}

function aPipelineIsAnsweredInOrder() {
  return withClients(1, async (one) => {
    const [jobs, pipeline] = [unique('jobs'), one.pipeline()];
    for (let number = 0; number < 1000; number++) pipeline.rpush(jobs, number);
    const results = await pipeline.exec();
    assert.deepEqual(results, Array.from({ length: 1000 }, (_, number) => [null, number + 1]));
    assert.equal(await one.llen(jobs), 1000);
  });
}

function bytesStayAsTheyAre() {
  return withClients(1, async (one) => {
    const [jobs, bytes] = [unique('jobs'), Buffer.from([0, 13, 10, 255])];
    await one.rpush(jobs, bytes);
    assert.deepEqual(await one.lpopBuffer(jobs), bytes);
  });
}

function aValueIsNoList() {
  return withClients(1, async (one) => {
    const key = unique('result');
    assert.equal(await one.set(key, 'done', 'EX', 600, 'NX'), 'OK');
    assert.equal(await one.get(key), 'done');
    await assert.rejects(one.lpush(key, 'x'), /^ReplyError: WRONGTYPE /);
    assert.equal(await one.del(key), 1);
  });
}

function allKeysAreFoundByScanning() {
  return withClients(1, async (one) => {
    const [prefix, found] = [unique('scanned'), new Set()];
    const keys = Array.from({ length: 100 }, (_, number) => `${prefix}:${number}`);
    await one.mset(keys.flatMap((key) => [key, 'x']));
    for await (const page of one.scanStream({ match: `${prefix}:*`, count: 7 })) page.forEach((key) => found.add(key));
    assert.deepEqual([...found].sort(), keys.sort());
  });
}

function aSocketFileIsAsGoodAsAPort() {
  return withClients(1, async (one) => assert.equal(await one.ping(), 'PONG'), { path: socket });
}

function aKilledSubscriberComesBack() {
  return withClients(2, async (page, listener) => {
    const [news, heard] = [unique('news'), []];
    listener.on('message', (channel, message) => heard.push(message));
    const id = await listener.client('ID');
    await listener.subscribe(news);
    assert.equal(await page.client('KILL', 'ID', id), 1);
    await until(async () => (await page.publish(news, 'back')) === 1, 'it is subscribed again');
    await until(() => heard.length, 'it hears again');
    assert.deepEqual(heard, ['back']);
  });
}

const check = () => runChecks([
  lastInIsFirstOut,
  aWorkerWaitsUntilThereIsWork,
  whatIsPublishedReachesAll,
  shardChannelsAreApart,
  aTransactionIsDoneAsOne,
  aPipelineIsAnsweredInOrder,
  bytesStayAsTheyAre,
  aValueIsNoList,
  allKeysAreFoundByScanning,
  aSocketFileIsAsGoodAsAPort,
  aKilledSubscriberComesBack,
]);

async function listen(channel) {
  const listener = client();
  listener.on('message', (_, message) => say(message));
  await listener.subscribe(channel);
  say('listening');
}

async function work(list) {
  const worker = client({ connectionName: list });
  for (;;) say((await worker.blpop(list, 0))[1]);
}

main({ check, listen, work });

import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, describe, test } from 'node:test';
import { createFileStore, UnreadableError, type RegistryStore } from 'nsqlookupd/store';
import { runs } from './support/runs.js';

const folders: string[] = [];
after(() => folders.forEach((folder) => rmSync(folder, { recursive: true, force: true })));

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'store-'));
  folders.push(folder);
  return folder;
}

const HEAD = '{"nsqlookupd":"registry","format":1}\n';
const FILE = 'registry.snapshot';

// eslint-disable-next-line @typescript-eslint/require-await
async function* chunksOf(...chunks: readonly string[]): AsyncGenerator<string> {
  yield* chunks;
}

async function loaded(store: RegistryStore): Promise<string | undefined> {
  const chunks = await store.load();
  if (!chunks) return undefined;
  let all = '';
  for await (const chunk of chunks) all += chunk;
  return all;
}

async function whyUnreadable(store: RegistryStore): Promise<string> {
  return loaded(store).then(
    () => 'readable',
    (error: unknown) => {
      assert.ok(error instanceof UnreadableError, String(error));
      return error.why;
    },
  );
}

describe('a store in a folder', () => {
  test('gives back what was saved last, whole, and nothing before that', async () => {
    const folder = join(newFolder(), 'made', 'for', 'it');
    const store = await createFileStore(folder);
    assert.equal(await loaded(store), undefined);
    await store.save(chunksOf(HEAD, 'some ', 'text in Größe and 漢字\n'));
    await store.save(chunksOf(HEAD, 'täxt '.repeat(200_000)));
    assert.equal(await loaded(store), HEAD + 'täxt '.repeat(200_000));
    await store.close?.();
    const again = await createFileStore(folder);
    assert.equal((await loaded(again))?.length, HEAD.length + 1_000_000);
    assert.deepEqual(readdirSync(folder).sort(), ['lock', FILE]);
    await again.close?.();
  });

  test('keeps the former when a save fails on its way', async () => {
    const folder = newFolder();
    const store = await createFileStore(folder);
    await store.save(chunksOf(HEAD, 'former'));
    await assert.rejects(
      store.save(
        // eslint-disable-next-line @typescript-eslint/require-await
        (async function* () {
          yield HEAD;
          throw new Error('in the middle');
        })(),
      ),
      /in the middle/,
    );
    assert.equal(await loaded(store), `${HEAD}former`);
    assert.deepEqual(readdirSync(folder).sort(), ['lock', FILE]);
    await store.close?.();
  });

  test('writes to what it has made, and not to what somebody has put in its place', async () => {
    const folder = newFolder();
    const store = await createFileStore(folder);
    const path = join(folder, `${FILE}.new`);
    const other = join(newFolder(), 'other');
    writeFileSync(other, 'not ours');
    const ways = {
      link: () => symlinkSync(other, path),
      'hard link': () => linkSync(other, path),
      'link to nothing': () => symlinkSync(`${other}-none`, path),
      'what a killed process has left': () => writeFileSync(path, 'x'.repeat(10_000), { mode: 0o666 }),
      folder: () => mkdirSync(join(path, 'in it'), { recursive: true }),
    };
    for (const [what, put] of Object.entries(ways)) {
      put();
      await store.save(chunksOf(HEAD, what));
      assert.equal(await loaded(store), HEAD + what);
      assert.equal(readFileSync(other, 'utf8'), 'not ours', what);
      assert.ok(lstatSync(join(folder, FILE)).isFile(), what);
      if (process.platform !== 'win32') assert.equal(lstatSync(join(folder, FILE)).mode & 0o777, 0o600, what);
    }
    assert.equal(existsSync(`${other}-none`), false);
    await store.close?.();
  });

  test('tells a file that is cut at any byte, or changed in any', async () => {
    const folder = newFolder();
    const path = join(folder, FILE);
    const store = await createFileStore(folder);
    await store.save(chunksOf(HEAD, '["add","topic","orders","",1,[]]\n{"end":2}\n'));
    const whole = readFileSync(path);
    for (let length = 0; length < whole.length; length++) {
      truncateSync(path, length);
      assert.equal(await whyUnreadable(store), 'cut', `cut at ${length}`);
      writeFileSync(path, whole);
    }
    for (let at = 0; at < whole.length; at++) {
      const changed = Buffer.from(whole);
      changed[at]! ^= 1;
      writeFileSync(path, changed);
      const why = await whyUnreadable(store);
      assert.notEqual(why, 'readable', `changed at ${at}`);
    }
    writeFileSync(path, 'PK\u0003\u0004 some archive');
    assert.equal(await whyUnreadable(store), 'foreign');
    writeFileSync(path, Buffer.concat([whole, whole]));
    assert.equal(await whyUnreadable(store), 'corrupt');
    await store.close?.();
  });

  test('sets aside what cannot be read, under a name that says why', async () => {
    const folder = newFolder();
    const store = await createFileStore(folder);
    writeFileSync(join(folder, FILE), 'rubbish');
    await store.setAside?.('foreign');
    assert.equal(await loaded(store), undefined);
    const [name = ''] = readdirSync(folder).filter((each) => each.startsWith(FILE));
    assert.match(name, /^registry\.snapshot\.foreign-\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d\.\d{3}Z$/);
    assert.equal(readFileSync(join(folder, name), 'utf8'), 'rubbish');
    await store.close?.();
  });

  test('is for one at a time', async () => {
    const folder = newFolder();
    const store = await createFileStore(folder);
    await assert.rejects(createFileStore(folder), new RegExp(`another process has the folder ${folder}`));
    await store.close?.();
    const next = await createFileStore(folder);
    await next.close?.();
  });

  test('of a path that is too long for a socket is for one at a time as well', async () => {
    const folder = join(newFolder(), 'long'.repeat(40));
    const store = await createFileStore(folder);
    await assert.rejects(createFileStore(folder), /another process has the folder/);
    await store.close?.();
    await (await createFileStore(folder)).close?.();
  });

  test('of who was killed is free; of many who want it then, one has it', async () => {
    const folder = newFolder();
    const holder = child(folder);
    await firstLine(holder);
    await assert.rejects(createFileStore(folder), /another process has/);
    await kill(holder);
    const tries = await Promise.allSettled(Array.from({ length: 20 }, () => createFileStore(folder)));
    const taken = tries.filter((each) => each.status === 'fulfilled');
    assert.equal(taken.length, 1);
    await taken[0]!.value.close?.();
  });

  test('is taken whatever has the name of a lock, and what has another stays', async () => {
    const folder = newFolder();
    const others = ['lock.bak', 'lock.-7', 'lock.1e3', 'lock.01', 'lock.9007199254740991', 'locked'];
    for (const name of [...others, 'lock.3']) writeFileSync(join(folder, name), '');
    mkdirSync(join(folder, 'lock'));
    for (let i = 0; i < 2; i++) {
      const store = await createFileStore(folder);
      await assert.rejects(createFileStore(folder), /another process has the folder/);
      await store.close?.();
      assert.deepEqual(readdirSync(folder).sort(), ['lock', ...others].sort());
    }
  });

  test(
    'where there is no room keeps the former, and goes on when there is',
    { skip: process.platform === 'win32' },
    async () => {
      const folder = newFolder();
      const store = await createFileStore(folder);
      await store.save(chunksOf(HEAD, 'former'));
      await store.close?.();
      // In a process whose files may be no longer than 64 KiB.
      const args = [
        '-c',
        'ulimit -f 64 && exec "$0" "$@"',
        process.execPath,
        '--input-type=module',
        '-e',
        SAVING_MUCH,
        folder,
      ];
      const saving = spawn('sh', args, { stdio: ['ignore', 'pipe', 'inherit'] });
      assert.equal(await text(saving.stdout), 'EFBIG former\n');
      assert.equal(await loaded(store), `${HEAD}later`);
      assert.deepEqual(
        readdirSync(folder).filter((name) => !name.startsWith('lock')),
        [FILE],
      );
    },
  );

  const skip = process.platform === 'win32' || process.getuid?.() === 0 ? 'root may write anywhere' : false;
  test('that may not be written to is read, and saved to as soon as it may', { skip }, async () => {
    const folder = newFolder();
    const first = await createFileStore(folder);
    await first.save(chunksOf(HEAD, 'former'));
    await first.close?.();
    chmodSync(folder, 0o500);
    const store = await createFileStore(folder);
    assert.equal(await loaded(store), `${HEAD}former`);
    await assert.rejects(store.save(chunksOf(HEAD, 'later')), { code: 'EACCES' });
    chmodSync(folder, 0o700);
    await store.save(chunksOf(HEAD, 'later'));
    await assert.rejects(createFileStore(folder), /another process has the folder/);
    await store.close?.();
  });

  test('whose folder is removed makes it anew, and has it', { skip: process.platform === 'win32' }, async () => {
    const folder = newFolder();
    const store = await createFileStore(folder);
    await store.save(chunksOf(HEAD, 'former'));
    rmSync(folder, { recursive: true });
    await store.save(chunksOf(HEAD, 'later'));
    assert.equal(await loaded(store), `${HEAD}later`);
    await assert.rejects(createFileStore(folder), /another process has the folder/);
    rmSync(folder, { recursive: true });
    const other = await createFileStore(folder);
    await assert.rejects(store.save(chunksOf(HEAD, 'last')), /another process has the folder/);
    await store.close?.();
    await assert.rejects(
      createFileStore(folder),
      /another process has the folder/,
      'the lock is still the other one’s',
    );
    await other.close?.();
  });

  test('whose folder can never be made is refused at once', { skip: process.platform !== 'linux' }, async () => {
    await assert.rejects(createFileStore('/proc/nsqlookupd/data'), { code: 'ENOENT' });
    await assert.rejects(createFileStore('/dev/null/data'), { code: 'ENOTDIR' });
  });

  test('refuses what is no path, and a file in its place', async () => {
    await assert.rejects(createFileStore(5 as never), /^TypeError: folder must be a string, and is 5/);
    const folder = newFolder();
    writeFileSync(join(folder, 'file'), '');
    await assert.rejects(createFileStore(join(folder, 'file')), { code: 'EEXIST' });
    mkdirSync(join(folder, 'taken', FILE), { recursive: true });
    const store = await createFileStore(join(folder, 'taken'));
    await assert.rejects(store.save(chunksOf(HEAD)), (error: NodeJS.ErrnoException) => error.code !== undefined);
    await store.close?.();
  });
});

/** Of the package as built: what else it loads would take longer than the rest. */
const fileUrl = new URL('../../dist/esm/store/index.js', import.meta.url).href;

/** Saves as fast as it can, each time the same number many times over. */
const SAVING = `
  import { createFileStore } from '${fileUrl}';
  const store = await createFileStore(process.argv[1]);
  for (let n = 1; ; n++) {
    await store.save((async function* () {
      yield ${JSON.stringify(HEAD)};
      for (let i = 0; i < 50; i++) yield (n + ' ').repeat(500);
    })());
    if (n === 1) console.log('saving');
  }
`;

/** Saves more than there is room for, then less, and prints why the first failed, and what was kept. */
const SAVING_MUCH = `
  import { createFileStore } from '${fileUrl}';
  const store = await createFileStore(process.argv[1]);
  const save = (text) => store.save((async function* () {
    yield ${JSON.stringify(HEAD)} + text;
  })());
  const failure = await save('x'.repeat(1_000_000)).catch((error) => error.code);
  let kept = '';
  for await (const chunk of await store.load()) kept += chunk;
  await save('later');
  console.log(failure, kept.replace(${JSON.stringify(HEAD)}, ''));
  await store.close();
`;

function child(folder: string): ChildProcess {
  return spawn(process.execPath, ['--input-type=module', '-e', SAVING, folder], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
}

async function firstLine(process: ChildProcess): Promise<void> {
  await once(process.stdout!, 'data');
}

async function kill(process: ChildProcess): Promise<void> {
  const ended = once(process, 'exit');
  process.kill('SIGKILL');
  await ended;
}

test('who is killed at any moment leaves the old or the new', { timeout: 120_000 }, async () => {
  const times = async (count: number) => {
    const folder = newFolder();
    for (let i = 0; i < count; i++) {
      const saving = child(folder);
      await firstLine(saving);
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 20));
      await kill(saving);
      const store = await createFileStore(folder);
      const [, ...numbers] = ((await loaded(store)) ?? '').replace(HEAD, '0 ').trim().split(' ');
      assert.equal(numbers.length, 25_000);
      assert.equal(new Set(numbers).size, 1);
      await store.close?.();
    }
  };
  await Promise.all(Array.from({ length: 4 }, () => times(runs(50))));
});

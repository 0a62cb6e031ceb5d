import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { formatDuration, parseDuration } from 'nsqlookupd/daemon';

describe('durations as Go writes them', () => {
  const pairs: [string, number][] = [
    ['0s', 0],
    ['551ns', 0.000551],
    ['13.36µs', 0.01336],
    ['433.514µs', 0.433514],
    ['300ms', 300],
    ['1.5s', 1500],
    ['45s', 45_000],
    ['5m0s', 300_000],
    ['1h2m3.5s', 3_723_500],
    ['-1m0s', -60_000],
    ['-1ns', -1e-6],
    ['999ns', 0.000999],
    ['1µs', 0.001],
    ['1ms', 1],
    ['1s', 1000],
    ['59.999999999s', 59_999.999999],
    ['1m0.0000001s', 60_000.0001],
    ['59m59s', 3_599_000],
    ['1h0m0s', 3_600_000],
    ['25h0m1s', 90_001_000],
  ];
  for (const [text, ms] of pairs) {
    test(text, () => {
      assert.equal(formatDuration(ms), text);
      assert.ok(Math.abs(parseDuration(text)! - ms) < 1e-9);
    });
  }
  test('are read in other forms, too', () => {
    const forms: [string, number][] = [
      ['0', 0],
      ['1us', 0.001],
      ['1μs', 0.001],
      ['.5s', 500],
      ['1.s', 1000],
      ['+2m', 120_000],
      ['1s1s', 2000],
    ];
    for (const [text, ms] of forms) assert.equal(parseDuration(text), ms, text);
  });
  test('are refused when they are none', () => {
    for (const text of [
      '',
      '1',
      '-',
      's',
      '1 s',
      '1S',
      '1d',
      '.s',
      '1.5',
      '1e3s',
      '1s ',
      '--1s',
      '1,5s',
      '1sx',
      'x1s',
      '00',
      '+',
      '1.2.3s',
      '..s',
    ]) {
      assert.equal(parseDuration(text), undefined, text);
    }
  });
});

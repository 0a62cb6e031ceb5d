import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { skipWithout } from './support/program.js';

const types = new Map(
  [...readFileSync('docs/metrics.md', 'utf8').matchAll(/^\| `(nsqlookupd_\w+)` +\| (\w+)/gm)].map(
    ([, name = '', type = '']) => [name, type],
  ),
);
const alerts = readFileSync('deploy/alerts.yml', 'utf8');
const rules = [...alerts.matchAll(/alert: (\w+)\n +expr: (.*)/g)].map(([, name = '', expr = '']) => ({ name, expr }));

/** What is not a metric that there is, or a counter of which no rate is taken. */
function faultsOf(expr: string): string[] {
  return [...expr.matchAll(/\bnsqlookupd_\w+/g)].flatMap(([name]) => {
    const type = types.get(name) ?? types.get(name.replace(/_(bucket|sum|count)$/, ''));
    if (type === undefined) return [`${name} is no metric`];
    const isRate = new RegExp(`\\b(rate|increase)\\(${name}\\b`).test(expr);
    return (type === 'gauge') === isRate ? [`${name} is a ${type}`] : [];
  });
}

const promtool = (...args: string[]) => spawnSync('promtool', args, { encoding: 'utf8' });

describe('the alert rules', () => {
  test('use metrics that there are, as what they are', () => {
    assert.equal(rules.length >= 10, true);
    for (const { name, expr } of rules) assert.deepEqual(faultsOf(expr), [], name);
  });

  test('are rules, to promtool, and keep what is said of each', { skip: skipWithout('promtool') }, () => {
    const checked = promtool('check', 'rules', 'deploy/alerts.yml');
    assert.equal(checked.status, 0, checked.stdout + checked.stderr);
    const tried = promtool('test', 'rules', 'deploy/alerts.test.yml');
    assert.equal(tried.status, 0, tried.stdout + tried.stderr);
  });

  test('are each tried, both ways', () => {
    const tests = readFileSync('deploy/alerts.test.yml', 'utf8');
    for (const { name } of rules) {
      assert.match(tests, new RegExp(`alertname: ${name}, exp_alerts: \\[\\]`));
      assert.match(tests, new RegExp(`alertname: ${name}\\n +exp_alerts:\\n +- exp_labels`));
    }
  });
});

describe('the Grafana dashboard', () => {
  interface Dashboard {
    readonly panels: readonly {
      readonly id: number;
      readonly title: string;
      readonly gridPos: Readonly<Record<'x' | 'y' | 'w' | 'h', number>>;
      readonly targets: readonly { readonly expr: string }[];
    }[];
    readonly templating: { readonly list: readonly { readonly name: string }[] };
  }
  const dashboard = JSON.parse(readFileSync('deploy/grafana-dashboard.json', 'utf8')) as Dashboard;
  const string = { type: 'string', minLength: 1 };
  const whole = { type: 'integer', minimum: 0 };
  const datasource = {
    type: 'object',
    properties: { type: { const: 'prometheus' }, uid: { const: '${datasource}' } },
    required: ['type', 'uid'],
  };
  const target = {
    type: 'object',
    properties: { refId: { type: 'string', pattern: '^[A-Z]$' }, expr: string, legendFormat: string, datasource },
    required: ['refId', 'expr', 'legendFormat', 'datasource'],
    additionalProperties: false,
  };
  const panel = {
    type: 'object',
    properties: {
      id: whole,
      title: string,
      type: { enum: ['stat', 'timeseries'] },
      datasource,
      gridPos: {
        type: 'object',
        properties: { x: { ...whole, maximum: 23 }, y: whole, w: { ...whole, maximum: 24 }, h: whole },
        required: ['x', 'y', 'w', 'h'],
        additionalProperties: false,
      },
      fieldConfig: {
        type: 'object',
        properties: { defaults: { type: 'object', properties: { unit: string }, required: ['unit'] } },
        required: ['defaults', 'overrides'],
      },
      targets: { type: 'array', items: target, minItems: 1 },
      options: { type: 'object' },
    },
    required: ['id', 'title', 'type', 'datasource', 'gridPos', 'fieldConfig', 'targets', 'options'],
  };
  const schema = {
    type: 'object',
    properties: {
      title: string,
      uid: { type: 'string', maxLength: 40 },
      schemaVersion: { type: 'integer', minimum: 36 },
      panels: { type: 'array', items: panel, minItems: 10 },
      templating: {
        type: 'object',
        properties: { list: { type: 'array', items: { type: 'object', required: ['name', 'type', 'query'] } } },
        required: ['list'],
      },
      time: { type: 'object', required: ['from', 'to'] },
    },
    required: ['title', 'uid', 'schemaVersion', 'panels', 'templating', 'time'],
  };

  test('is one', () => {
    const ajv = new Ajv2020({ strict: false });
    assert.equal(ajv.validate(schema, dashboard), true, ajv.errorsText());
    const ids = dashboard.panels.map(({ id }) => id);
    assert.equal(new Set(ids).size, ids.length);
  });

  test('uses metrics that there are, as what they are, and variables that it has', () => {
    const names = new Set(['__rate_interval', ...dashboard.templating.list.map(({ name }) => name)]);
    for (const { title, targets } of dashboard.panels) {
      for (const { expr } of targets) {
        assert.deepEqual(faultsOf(expr), [], title);
        for (const [, name = ''] of expr.matchAll(/\$(\w+)/g)) assert.equal(names.has(name), true, name);
      }
    }
  });

  test('has panels that do not lie on each other', () => {
    for (const { title, gridPos: a } of dashboard.panels) {
      const on = dashboard.panels.filter(
        ({ title: other, gridPos: b }) =>
          other !== title && a.x < b.x + b.w && b.x < a.x + a.w && a.y < b.y + b.h && b.y < a.y + a.h,
      );
      assert.deepEqual(on, [], title);
      assert.equal(a.x + a.w <= 24, true, title);
    }
  });

  test('has expressions that Prometheus takes', { skip: skipWithout('promtool') }, () => {
    const rows = dashboard.panels.flatMap(({ targets }) => targets.map(({ expr }) => expr));
    const groups = rows.map((expr, i) => ({ record: `x:${i}`, expr: expr.replaceAll('$__rate_interval', '5m') }));
    // JSON is YAML.
    writeFileSync('build/dashboard-rules.json', JSON.stringify({ groups: [{ name: 'dashboard', rules: groups }] }));
    const { status, stdout, stderr } = promtool('check', 'rules', 'build/dashboard-rules.json');
    assert.equal(status, 0, stdout + stderr);
  });
});

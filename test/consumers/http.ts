import {
  answerNotFound,
  createHttpHandler,
  createLogDecorator,
  decorate,
  orNotFound,
  toFetchHandler,
  toNodeHandler,
  type FetchHandlerOptions,
  type HttpDecorator,
  type HttpHandler,
  type HttpRequest,
  type HttpResponse,
  type NodeListener,
  type NodeResponse,
} from 'nsqlookupd/http';
import { RegistrationDB, Topology } from 'nsqlookupd/registry';

export async function claims(): Promise<Record<string, boolean>> {
  const topology = new Topology({ db: new RegistrationDB(), clock: () => 0 });
  topology.createTopic('orders');
  const handler = createHttpHandler({ topology, version: '1.2.3', maxCacheBytes: 0 });
  const request: HttpRequest = { method: 'GET', path: '/topics', query: '', headers: {} };

  const lines: string[] = [];
  const log = createLogDecorator({ log: { info: (line) => lines.push(line) }, clock: () => 0 });
  const teapot: HttpDecorator = (next) => (asked) =>
    asked.path === '/tea' ? { status: 418, headers: {}, body: '' } : next(asked);
  const decorated: HttpHandler = decorate(handler, log, teapot);
  const tea = await decorated({ ...request, path: '/tea' });

  const options: FetchHandlerOptions = { fallback: () => new Response('mine', { status: 201 }) };
  const fetch = toFetchHandler(handler, options);
  const info = await fetch(new Request('http://lookup.test/info'));
  const mine = await fetch(new Request('http://lookup.test/mine'));

  const heads: number[] = [];
  const response: NodeResponse = {
    writeHead: (status) => heads.push(status),
    write: () => true,
    end: () => undefined,
    destroy: () => undefined,
    on: () => undefined,
    headersSent: false,
    destroyed: false,
  };
  const listener: NodeListener = toNodeHandler(handler);
  listener({ method: 'GET', url: '/ping', headers: {}, socket: {}, complete: true }, response);
  let passed = false;
  listener({ method: 'GET', url: '/mine', headers: {}, socket: {} }, response, () => (passed = true));
  await Promise.resolve();

  const notFound: HttpResponse = answerNotFound();
  return {
    'a request is answered': (await handler(request))?.status === 200,
    'another path is left to the host': (await handler({ ...request, path: '/mine' })) === undefined,
    'or is not found': (await orNotFound(handler)({ ...request, path: '/mine' }))?.status === notFound.status,
    'a decorator answers, and one logs': tea?.status === 418 && lines.length === 1,
    'fetch is answered': info.status === 200 && (await info.text()) === '{"version":"1.2.3"}',
    'the fallback of fetch': mine.status === 201 && (await mine.text()) === 'mine',
    'node is answered': heads.join() === '200' && passed,
  };
}

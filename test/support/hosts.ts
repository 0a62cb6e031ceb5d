import { serve } from '@hono/node-server';
import express from 'express';
import Fastify from 'fastify';
import { Hono } from 'hono';
import Koa from 'koa';
import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  decorate,
  toFastifyPlugin,
  toFetchHandler,
  toHonoMiddleware,
  toKoaMiddleware,
  toNodeHandler,
  underPrefix,
  type HttpHandler,
} from 'nsqlookupd/http';

/** A server of a framework, with the handler mounted under `prefix` ('' for the root) between routes of its own. */
export interface Host {
  readonly port: number;
  close(): Promise<unknown>;
}

export type StartHost = (handler: HttpHandler, prefix: string) => Promise<Host>;

const mounted = (handler: HttpHandler, prefix: string) =>
  prefix === '' ? handler : decorate(handler, underPrefix(prefix));

async function listen(server: Server): Promise<Host> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    close: () => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Each answers `/before` and `/after` itself, registered before and after the handler, and 404 `host` to the rest. */
export const HOSTS: Readonly<Record<string, StartHost>> = {
  'node:http': (handler, prefix) => {
    const lookup = toNodeHandler(mounted(handler, prefix));
    const own: RequestListener = ({ url }, response) => {
      const isMine = url === '/after';
      response.writeHead(isMine ? 200 : 404).end(isMine ? 'after' : 'host');
    };
    return listen(
      createServer((request, response) => {
        if (request.url === '/before') response.end('before');
        else lookup(request, response, () => own(request, response));
      }),
    );
  },

  'Express 5': (handler, prefix) => {
    const app = express();
    app.get('/before', (_request, response) => void response.send('before'));
    if (prefix === '') app.use(toNodeHandler(handler));
    else app.use(prefix, toNodeHandler(handler));
    app.get('/after', (_request, response) => void response.send('after'));
    app.use((_request, response) => void response.status(404).send('host'));
    return listen(createServer(app));
  },

  'Express 5, by underPrefix': (handler, prefix) => {
    const app = express();
    app.get('/before', (_request, response) => void response.send('before'));
    app.use(toNodeHandler(mounted(handler, prefix)));
    app.get('/after', (_request, response) => void response.send('after'));
    app.use((_request, response) => void response.status(404).send('host'));
    return listen(createServer(app));
  },

  'Fastify 5': async (handler, prefix) => {
    const app = Fastify({ forceCloseConnections: true });
    app.get('/before', () => 'before');
    app.post('/echo', ({ body }) => body);
    await app.register(toFastifyPlugin(handler), { prefix });
    app.get('/after', () => 'after');
    app.setNotFoundHandler((_request, reply) => reply.status(404).send('host'));
    await app.listen({ port: 0, host: '127.0.0.1' });
    return { port: (app.server.address() as AddressInfo).port, close: () => app.close() };
  },

  Koa: (handler, prefix) => {
    const app = new Koa();
    app.use(async (context, next) => {
      if (context.path === '/before') context.body = 'before';
      else await next();
    });
    app.use(toKoaMiddleware(mounted(handler, prefix)));
    app.use((context) => {
      const isMine = context.path === '/after';
      context.status = isMine ? 200 : 404;
      context.body = isMine ? 'after' : 'host';
    });
    return listen(createServer((request, response) => void app.callback()(request, response)));
  },

  Hono: async (handler, prefix) => {
    const app = new Hono();
    app.get('/before', (context) => context.text('before'));
    app.use(toHonoMiddleware(mounted(handler, prefix)));
    app.get('/after', (context) => context.text('after'));
    app.notFound((context) => context.text('host', 404));
    const server = serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' }) as Server;
    if (!server.listening) await once(server, 'listening');
    return {
      port: (server.address() as AddressInfo).port,
      close: () => {
        server.closeAllConnections();
        return new Promise((resolve) => server.close(resolve));
      },
    };
  },
};

/** Hosts that speak WHATWG fetch, and have no server of their own here. Header names have no letter case in them. */
export const FETCH_HOSTS: Readonly<
  Record<string, (handler: HttpHandler, prefix: string) => (request: Request) => Promise<Response>>
> = {
  fetch: (handler, prefix) => {
    const own = ({ url }: Request) => {
      const isMine = new URL(url).pathname === '/after';
      return new Response(isMine ? 'after' : 'host', { status: isMine ? 200 : 404 });
    };
    const lookup = toFetchHandler(mounted(handler, prefix), { fallback: own });
    return async (request) => {
      if (new URL(request.url).pathname === '/before') return new Response('before');
      return lookup(request);
    };
  },

  'Hono without Node': (handler, prefix) => {
    const app = new Hono();
    app.get('/before', (context) => context.text('before'));
    app.use(toHonoMiddleware(mounted(handler, prefix)));
    app.get('/after', (context) => context.text('after'));
    app.notFound((context) => context.text('host', 404));
    return async (request) => app.fetch(request);
  },
};

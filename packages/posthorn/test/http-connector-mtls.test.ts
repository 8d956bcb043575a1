// Certificates of endpoints: each is shown to the receiver by its own endpoint's connections, and by no other.
import type { TLSSocket } from 'node:tls';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { parseSubnets } from '../src/core/address.ts';
import type { ClientCertificate } from '../src/delivery/connectors/guarded-client.ts';
import { createHttpConnector, type HttpConnector } from '../src/delivery/connectors/http.ts';
import { systemClock } from '../src/lib/clock.ts';
import {
  type Certificates,
  hasOpenssl,
  makeCertificates,
  startHostileReceiver,
} from './support/hostile-receiver.ts';

const toClose: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const item of toClose.splice(0).toReversed()) await item.close();
});

describe.skipIf(!hasOpenssl())('a receiver that asks who is calling', () => {
  let certificates: Certificates;
  beforeAll(async () => {
    certificates = await makeCertificates();
  });

  /** Answers each request with the common name of the certificate that its connection showed, and its TCP port. */
  async function start(rejectUnauthorized: boolean, maxVersion: 'TLSv1.2' | 'TLSv1.3' = 'TLSv1.3') {
    const { ca, good } = certificates;
    const receiver = await startHostileReceiver(
      {
        onRequest: (socket) => {
          const { subject } = (socket as TLSSocket).getPeerCertificate();
          const body = `${subject?.CN ?? 'nobody'} ${socket.remotePort}`;
          socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
        },
      },
      { tls: { ...good, ca, requestCert: true, rejectUnauthorized, maxVersion } },
    );
    toClose.push(receiver);
    return receiver;
  }

  function connect(): HttpConnector {
    const connector = createHttpConnector({
      allowSubnets: parseSubnets('127.0.0.0/8').subnets,
      allowHttp: false,
      userAgent: 'Posthorn-Test/1',
      clock: systemClock,
      ca: [certificates.ca],
    });
    toClose.push(connector);
    return connector;
  }

  function callerOf(index: 0 | 1, id = `ep_${index} 1`): ClientCertificate {
    const { cert, key } = certificates.clients[index];
    return { id, certificate: cert, key };
  }

  async function ask(connector: HttpConnector, port: number, certificate?: ClientCertificate) {
    const result = await connector.send({
      url: `https://127.0.0.1:${port}/hook`,
      method: 'POST',
      headers: {},
      body: Buffer.from('{}'),
      timeoutMs: 60_000,
      ...(certificate ? { certificate } : {}),
    });
    const [name, tcpPort] = Buffer.from(result.responseBody ?? [])
      .toString()
      .split(' ');
    return { result, name, tcpPort };
  }

  it.each(['TLSv1.2', 'TLSv1.3'] as const)('over %s sees each endpoint with its own', async (version) => {
    const { port } = await start(false, version);
    const connector = connect();
    const seen: (string | undefined)[] = [];
    const portsBy = new Map<string, Set<string | undefined>>();
    for (let round = 0; round < 3; round += 1) {
      for (const caller of [callerOf(0), undefined, callerOf(1)]) {
        const { name, tcpPort } = await ask(connector, port, caller);
        seen.push(name);
        const who = caller?.id ?? 'nobody';
        portsBy.set(who, (portsBy.get(who) ?? new Set()).add(tcpPort));
      }
    }
    const round = ['caller-a', 'nobody', 'caller-b'];
    expect(seen).toEqual([...round, ...round, ...round]);
    const ports = [...portsBy.values()].flatMap((set) => [...set]);
    // No connection served two of them.
    expect(new Set(ports).size).toBe(ports.length);
  });

  it('gets a connection of its own for two endpoints with the same certificate, and after a change', async () => {
    const receiver = await start(false);
    const connector = connect();
    const ports = [];
    for (const id of ['ep_1 1', 'ep_2 1', 'ep_1 2']) {
      ports.push((await ask(connector, receiver.port, callerOf(0, id))).tcpPort);
    }
    expect(new Set(ports).size).toBe(3);
  });

  it('and insists, lets in who shows one and nobody else', async () => {
    const receiver = await start(true);
    const connector = connect();
    expect((await ask(connector, receiver.port, callerOf(0))).name).toBe('caller-a');
    const stranger = certificates.selfSigned as { cert: string; key: string };
    const strange = { id: 'ep_3 1', certificate: stranger.cert, key: stranger.key };
    for (const caller of [undefined, strange]) {
      const { result } = await ask(connector, receiver.port, caller);
      // The handshake of TLS 1.3 is over for the caller before it is judged: a reset can be all that is heard of it.
      expect(result.outcome).toMatchObject({
        kind: 'unreachable',
        reason: expect.stringMatching(/tls|connection/),
      });
    }
    expect(receiver.requests).toHaveLength(1);
  });
});

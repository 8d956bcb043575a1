// E-mail, to a real SMTP server.
import type { AddressInfo } from 'node:net';
import { SMTPServer } from 'smtp-server';
import { describeConnectors } from './support/connector-conformance.ts';

const password = 'SECRETMAIL';

describeConnectors([
  {
    kind: 'email',
    forOperators: true,
    hasKey: true,
    async start() {
      const mails: { text: string; key: string | undefined }[] = [];
      const server = new SMTPServer({
        disabledCommands: ['STARTTLS'],
        allowInsecureAuth: true,
        onAuth: (auth, _session, done) =>
          auth.password === password
            ? done(null, { user: auth.username ?? '' })
            : done(new Error('wrong password')),
        onRcptTo: ({ address }, _session, done) =>
          address.startsWith('nobody') ? done(new Error('no such mailbox')) : done(),
        onData: (stream, _session, done) => {
          const chunks: Buffer[] = [];
          stream.on('data', (chunk: Buffer) => chunks.push(chunk));
          stream.on('end', () => {
            const text = Buffer.concat(chunks).toString();
            mails.push({ text, key: /^message-id: (.*)$/im.exec(text)?.[1] });
            done();
          });
        },
      });
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      const { port } = server.server.address() as AddressInfo;
      const config = (host: string, at: number, to = 'ops@example.test') => ({
        url: `smtp://hooks@${host}:${at}?tls=none`,
        password,
        from: 'Posthorn <hooks@example.test>',
        to: [to],
        subject: 'About {{ payload.id }}',
        text: '{{ payload.marker }}',
      });
      return {
        config: config('127.0.0.1', port),
        refused: config('127.0.0.1', port, 'nobody@example.test'),
        secrets: [password],
        at: (host, at) => config(host, at),
        received: () => mails,
        stop: () => new Promise((resolve) => server.close(() => resolve())),
      };
    },
  },
]);

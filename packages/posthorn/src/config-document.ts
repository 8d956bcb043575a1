// docs/configuration.md, written from the table of settings: `posthorn config --markdown` prints it, a test compares.
import { devSubnets } from './config.ts';
import { makeSecretKeyCommand } from './config-parsers.ts';
import { settingKeys, settings } from './config-settings.ts';
import type { SettingKey } from './config-settings.ts';

const introduction = `# Configuration

<!-- Written by \`posthorn config --markdown\` from packages/posthorn/src/config-settings.ts: change it there. -->

Every setting is an environment variable, and most are flags of \`posthorn serve\` and \`posthorn dev\` too. A flag wins over the environment, the environment over the default. An empty variable counts as unset. Nothing is read from other places, and nothing is read again while Posthorn runs.

\`posthorn config\` shows what \`dev\` would run with, each value with its origin, secrets left out; \`posthorn config --for serve\` does the same for \`serve\`.

## Settings
`;

const rules = `
## Secrets

\`DATABASE_URL\`, \`POSTHORN_TOKEN\` and \`POSTHORN_SECRET_KEY\` can come from files, as container platforms mount them: \`POSTHORN_TOKEN_FILE=/run/secrets/token\` reads the token from there, white space around it cut off. Setting a variable and its \`_FILE\` both is an error. A token and a key have no flag, because every user of a machine can read its command lines.

This command makes a secret key:

\`\`\`sh
${makeSecretKeyCommand}
\`\`\`

Keep it as safe as the database, and with the backups: what it sealed opens with no other key.

## Which database

\`dev\` runs a PostgreSQL of its own in the data directory unless \`DATABASE_URL\` is set. \`serve\` requires \`DATABASE_URL\`, or \`--embedded\` to do the same as \`dev\`. With \`DATABASE_URL\`, the secret key is required too.

## Which networks

Deliveries reach public addresses only. \`POSTHORN_ALLOW_SUBNETS\` opens private ones, block by block. \`dev\` also opens this machine itself (\`${devSubnets}\`).

## Wrong values

A wrong value stops the start with exit code 2. Every problem is told at once, one line each:

\`\`\`text
error: PORT=80800 (environment): out of range. fix: give a number from 0 to 65535
error: POSTHORN_TOKEN=*** (environment): shorter than 16 characters. fix: give 16 to 256 unguessable letters, digits and -._~+/=
\`\`\`

A \`POSTHORN_\` variable that nothing reads gets a warning with the name that was probably meant.

The client command \`send\` also reads \`POSTHORN_SERVER_URL\`: see [cli.md](cli.md).
`;

/** The whole document, ending with a newline. */
export function configurationDocument(): string {
  const rows = settingKeys.map(row).join('\n');
  return `${introduction}
| Variable | Flag | Default | Meaning |
|---|---|---|---|
${rows}
${rules}`;
}

function row(key: SettingKey): string {
  const { env, flag, valueName, defaultText = '', secret, doc } = settings[key];
  const file = secret === undefined ? '' : `, \`${env}_FILE\``;
  const usage = valueName === undefined ? `${flag}` : `${flag} <${valueName}>`;
  const cells = [
    `\`${env}\`${file}`,
    flag === undefined ? '' : `\`${usage}\``,
    defaultText === '' ? '' : `\`${defaultText}\``,
  ];
  return `| ${cells.join(' | ')} | ${doc.replaceAll('|', '\\|')} |`;
}

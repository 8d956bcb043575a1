// The demo application of development: one endpoint, at this server itself, and one event type.
import type { NewId } from '../lib/ids.ts';
import { findApplication, insertApplication, lockApplication } from './applications.ts';
import type { Queries } from './database.ts';
import { findCurrentSecret, findEndpoint, insertEndpoint, secretOwner, updateEndpoint } from './endpoints.ts';
import { findEventType, insertEventType } from './event-types.ts';
import type { SecretBox } from './secret-box.ts';

const demoApplicationUid = 'demo';
const demoEventType = 'user.created';
const demoEndpointUid = 'demo-inbox';

export interface DemoApplication {
  /** Its uid, for the API's paths. */
  application: string;
  eventType: string;
  /** The signing secret of its endpoint. */
  secret: string;
}

export interface DemoDeps {
  queries: Queries;
  box: SecretBox;
  newId: NewId;
  newSecret(): string;
  environmentId: string;
  /** Where the endpoint is now: the port may differ from the last time. */
  url: string;
}

/** Makes what is missing of the demo, and points its endpoint to `url`. */
export function seedDemo(deps: DemoDeps): Promise<DemoApplication> {
  return deps.queries.transaction().execute(async (transaction) => {
    await seedEventType({ ...deps, queries: transaction });
    const applicationId = await seedApplication({ ...deps, queries: transaction });
    const secret = await seedEndpoint({ ...deps, queries: transaction }, applicationId);
    return { application: demoApplicationUid, eventType: demoEventType, secret };
  });
}

async function seedEventType({ queries, environmentId }: DemoDeps): Promise<void> {
  if (await findEventType(queries, environmentId, demoEventType)) return;
  await insertEventType(
    queries,
    { environmentId, name: demoEventType },
    {
      description: 'A user signed up',
      schemas: null,
      feature_flags: null,
      group_name: null,
      archived: false,
      deprecated: false,
    },
  );
}

async function seedApplication(deps: DemoDeps): Promise<string> {
  const { queries, newId, environmentId } = deps;
  const known = await findApplication(queries, environmentId, demoApplicationUid);
  if (known) return known.id;
  const made = await insertApplication(queries, {
    id: newId('app_'),
    environment_id: environmentId,
    uid: demoApplicationUid,
    name: 'Demo',
    metadata: '{}',
    throttle_rate: null,
  });
  // Another process was faster.
  return made?.id ?? seedApplication(deps);
}

async function seedEndpoint(
  { queries, box, newId, newSecret, url }: DemoDeps,
  applicationId: string,
): Promise<string> {
  await lockApplication(queries, applicationId);
  const known = await findEndpoint(queries, applicationId, demoEndpointUid);
  if (known) {
    if (known.url !== url) await updateEndpoint(queries, known.id, { url });
    const sealed = await findCurrentSecret(queries, known.id);
    if (!sealed) throw new Error(`endpoint ${known.id} has no current secret`);
    return box.open(sealed, secretOwner(known.id));
  }
  const id = newId('ep_');
  const secret = newSecret();
  await insertEndpoint(
    queries,
    {
      id,
      application_id: applicationId,
      uid: demoEndpointUid,
      url,
      description: 'Verifies what it gets, in this process',
      event_types: null,
      channels: null,
      metadata: '{}',
      throttle_rate: null,
      signature_style: 'standard',
      headers_sealed: null,
      disabled: false,
    },
    { id: newId('sec_'), sealed: box.seal(secret, secretOwner(id)) },
  );
  return secret;
}

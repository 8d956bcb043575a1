// @ts-check
// The sending side: a sign-up service that tells a customer about new users, with the official Svix client.
import { MessageStatus, Svix } from 'svix';

/** @typedef {{ id: string, name: string, email: string }} User */

const customer = 'signup-example';
const endpoint = 'user-mirror';
const eventType = 'user.created';

/** @param {{ serverUrl: string, token: string }} posthorn */
export function createSignupService({ serverUrl, token }) {
  const svix = new Svix(token, { serverUrl });
  return {
    /**
     * Registers the customer's callback URL for new users; may be called again, with another URL.
     *
     * @param {string} callbackUrl
     * @returns {Promise<string>} the secret that its webhooks are signed with
     */
    async register(callbackUrl) {
      await svix.application.getOrCreate({ uid: customer, name: 'Sign-up example' });
      await svix.eventType.upsert(eventType, { description: 'A user signed up' });
      await svix.endpoint.upsert(customer, endpoint, { url: callbackUrl, eventTypes: [eventType] });
      return (await svix.endpoint.getSecret(customer, endpoint)).key;
    },

    /**
     * The eventId makes it safe to try again when an answer is lost: the same user is never announced twice.
     *
     * @param {User} user
     * @returns {Promise<string>} the id of the message: the `webhook-id` of all its attempts
     */
    async signUp(user) {
      const payload = { type: eventType, timestamp: new Date().toISOString(), data: user };
      const message = await svix.message.create(customer, { eventType, eventId: user.id, payload });
      return message.id;
    },

    /**
     * What became of a message: its attempts, oldest first, and when the next one is due.
     *
     * @param {string} messageId
     */
    async history(messageId) {
      const attempts = await svix.messageAttempt.listByMsg(customer, messageId, { withContent: true });
      const destinations = await svix.messageAttempt.listAttemptedDestinations(customer, messageId);
      const [destination] = destinations.data;
      return {
        attempts: attempts.data.toReversed(),
        delivered: destination?.status === MessageStatus.Success,
        nextAttemptAt: destination?.nextAttempt ?? undefined,
      };
    },
  };
}

// How soon a provider has its answer: signed requests of GitHub, verified and stored before they are acknowledged, and
// then delivered. Messages of the same size by the API take turns with them.
import { createSource } from '../posthorn.ts';
import { type CaseResult, median, spread } from '../result.ts';
import { atMaximum, atRate, messageBody, sinkUrl, type Stage, withPosthorn } from '../stage.ts';
import { prepareTargets, ratios, takeTurns } from './throughput.ts';

const payloadBytes = 1_024;
const fixedRate = 500;
const rateWindowMs = 15_000;
// At the sink; the message by the API has number 0.
const endpointNumber = 1;
const secret = 'It is a Secret to Everybody';
const eventName = 'push';

export function inbound(stage: Stage): Promise<CaseResult> {
  return withPosthorn(stage, async (server) => {
    const url = sinkUrl(stage, endpointNumber);
    const { path } = await createSource(server.posthorn, { secret, url, eventTypes: [eventName] });
    const lines = [
      `POST ${path} HTTP/1.1`,
      'host: 127.0.0.1',
      'content-type: application/json',
      'user-agent: GitHub-Hookshot/bench',
      `x-github-event: ${eventName}`,
    ];
    const request = {
      targets: [{ head: `${lines.join('\r\n')}\r\n`, endpoints: [endpointNumber], secret }],
      body: messageBody(payloadBytes, 1, 'bare'),
    };
    const message = {
      targets: await prepareTargets(stage, server.posthorn, 1, 1),
      body: messageBody(payloadBytes),
    };
    const loads = await takeTurns(stage.options.rounds, {
      requests: () => atMaximum(stage, server, request),
      'messages by the API': () => atMaximum(stage, server, message),
    });
    const rate = stage.options.ratePerSecond ?? fixedRate;
    const windowMs = Math.max(rateWindowMs, stage.options.windowMs);
    const steady = await atRate(stage, server, rate, { ...request, windowMs });
    const requests = loads.requests ?? [];
    return {
      values: {
        ratePerSecond: rate,
        keptUp: steady.acceptedPerSecond / rate,
        acknowledgedP50Ms: steady.publish.p50Ms,
        acknowledgedP99Ms: steady.publish.p99Ms,
        acknowledgedAtMaximumP50Ms: median(requests.map(({ publish }) => publish.p50Ms)),
        acknowledgedAtMaximumP99Ms: median(requests.map(({ publish }) => publish.p99Ms)),
        ...spread('relativeToMessages', ratios(requests, loads['messages by the API'])),
      },
      loads: { [`requests, ${rate} a second`]: [steady], ...loads },
    };
  });
}

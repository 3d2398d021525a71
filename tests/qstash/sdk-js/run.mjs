// Reads a list of calls from stdin, runs them one after another on the official SDK, and prints
// their results as one JSON list: [{"call": "schedules.create", "args": [...]}, ...].
import { Client } from "@upstash/qstash";

const client = new Client({
  baseUrl: process.env.QSTASH_URL,
  token: process.env.QSTASH_TOKEN,
  enableTelemetry: false,
  retry: false,
});

const targets = (call, args) => {
  const [owner, method] = call.includes(".") ? call.split(".") : ["", call];
  if (!owner) return [client, method, args];
  if (owner === "queue") {
    const [queueName, ...rest] = args;
    return [client.queue({ queueName }), method, rest];
  }
  return [client[owner], method, args];
};

let input = "";
for await (const chunk of process.stdin) input += chunk;

const results = [];
for (const { call, args } of JSON.parse(input)) {
  const [target, method, rest] = targets(call, args ?? []);
  try {
    results.push({ ok: (await target[method](...rest)) ?? null });
  } catch (error) {
    results.push({ error: String(error.message) });
  }
}
console.log(JSON.stringify(results));

// Submits and reads at rates of their own, whatever the answers take: an open model, so that a slow answer cannot hide
// behind the next request that waits for it. Run by ``python -m bench.load``, which sets the environment.
import http from 'k6/http';
import exec from 'k6/execution';
import { Rate, Trend } from 'k6/metrics';

const { BASE, TOLD, DURATION, SUBMITS, READS, OUT } = __ENV;
const { orderers, jobs } = JSON.parse(open(TOLD));
const submitMs = new Trend('submit_ms', true);
const readMs = new Trend('read_ms', true);
const wrong = new Rate('wrong');

function headersOf(orderer) {
  return { Authorization: `Bearer ${orderer.token}`, 'Content-Type': 'application/json' };
}

function arriving(name, rate) {
  return {
    executor: 'constant-arrival-rate', exec: name, rate: Number(rate), timeUnit: '1s', duration: `${DURATION}s`,
    preAllocatedVUs: 50, maxVUs: 400,
  };
}

export const options = {
  scenarios: { submits: arriving('submit', SUBMITS), reads: arriving('read', READS) },
  summaryTrendStats: ['count', 'p(50)', 'p(95)', 'max'],
};

function judge(answer, wanted) {
  wrong.add(answer.status !== wanted);
  if (answer.status !== wanted && exec.scenario.iterationInTest < 3) {
    console.error(answer.status, answer.body);
  }
}

export function submit() {
  const number = exec.scenario.iterationInTest;
  const orderer = orderers[number % orderers.length];
  const word = { id: 'w', text: `order-${number}`, start: 0, end: 1 };
  const cue = { id: 'c', start: 0, end: 1, words: [word] };
  const scenario = {
    version: '1', canvas: { width: 1080, height: 1920 }, tracks: [{ id: 't', type: 'captions', cues: [cue] }],
  };
  const body = JSON.stringify({ source_asset_id: orderer.asset, scenario, mode: 'off' });
  const sent = { headers: { ...headersOf(orderer), 'Idempotency-Key': `load-${number}` } };
  const answer = http.post(`${BASE}/api/v1/renders`, body, sent);
  submitMs.add(answer.timings.duration);
  judge(answer, 202);
}

export function read() {
  const number = exec.scenario.iterationInTest;
  const paths = ['jobs', 'jobs?state=failed', `jobs/${jobs[number % jobs.length]}`, 'jobs?kind=render&limit=20'];
  const answer = http.get(`${BASE}/api/v1/${paths[number % paths.length]}`, { headers: headersOf(orderers[0]) });
  readMs.add(answer.timings.duration);
  judge(answer, 200);
}

export function handleSummary(data) {
  const told = {};
  for (const name of ['submit_ms', 'read_ms', 'wrong', 'dropped_iterations']) {
    told[name] = data.metrics[name] ? data.metrics[name].values : {};
  }
  return { [OUT]: JSON.stringify(told) };
}

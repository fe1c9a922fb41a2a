// What failed for good, by how it failed; a retry tells first what it would do.

import {useState} from "preact/hooks";
import {api, take, type Schemas} from "../api/client";
import {ago, lasting} from "../format";
import {text} from "../text";
import {Button, Dialog, Empty, Loading, ProblemNote, say, sayProblem, useLoad} from "../ui/kit";

type Letters = Schemas["LettersResponse"];

export function DeadLetters() {
  const t = text.farm;
  const list = useLoad(() => take(api.GET("/api/v1/admin/farm/dead-letters", {params: {query: {}}})), [], 10_000);
  const [chosen, setChosen] = useState<Letters | null>(null);
  if (list.problem) return <ProblemNote problem={list.problem} retry={list.reload} />;
  if (!list.value) return <Loading lines={4} />;
  if (!list.value.items.length) return <Empty icon="check" title={t.noDead} />;
  return (
    <>
      <ul class="panel pad list">{list.value.items.map((group) => (
        <li key={group.signature}>
          <div class="grow"><strong>{group.message}</strong><p class="small soft"><code>{group.code}</code> · {group.task} · {t.count(group.count)} · {ago(group.last_at)}{group.nodes.length > 0 && ` · ${group.nodes.join(", ")}`}</p></div>
          <Button tiny onClick={() => setChosen(group)}>{t.replay}</Button>
        </li>))}</ul>
      {chosen && <Replay group={chosen} close={() => { setChosen(null); list.reload(); }} />}
    </>
  );
}

function Replay({group, close}: {group: Letters; close: () => void}) {
  const t = text.farm;
  const filter = {signature: group.signature};
  const plan = useLoad(() => take(api.POST("/api/v1/admin/farm/jobs/retry", {body: {filter, dry_run: true, expected: null}})), [group.signature]);
  const apply = () => take(api.POST("/api/v1/admin/farm/jobs/retry", {body: {filter, dry_run: false, expected: plan.value?.matched ?? null}}))
    .then((told) => { say(t.replayed(told.done)); close(); }, sayProblem);
  return (
    <Dialog title={t.replayTitle} onClose={close}>
      {plan.problem && <ProblemNote problem={plan.problem} retry={plan.reload} />}
      {!plan.value && !plan.problem && <Loading />}
      {plan.value && <p>{t.replayBody(plan.value.matched, plan.value.owner_count)}{plan.value.predicted_s > 0 && `, ${text.export.about(lasting(plan.value.predicted_s))}`}.</p>}
      <footer><Button onClick={close}>{text.cancel}</Button><Button kind="main" disabled={!plan.value?.matched} onClick={() => void apply()}>{t.apply}</Button></footer>
    </Dialog>
  );
}

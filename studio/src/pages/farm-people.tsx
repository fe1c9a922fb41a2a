// Accounts with their plans, and who did what.

import {api, take, type Schemas} from "../api/client";
import {ago} from "../format";
import {text} from "../text";
import {ask, Button, Loading, ProblemNote, sayProblem, useLoad} from "../ui/kit";

type User = Schemas["AdminUserResponse"];

export function Accounts() {
  const t = text.farm;
  const users = useLoad(() => take(api.GET("/api/v1/admin/users", {params: {query: {limit: 100}}})), []);
  const plans = useLoad(() => take(api.GET("/api/v1/admin/plans")), []);
  if (users.problem) return <ProblemNote problem={users.problem} retry={users.reload} />;
  if (!users.value) return <Loading lines={5} />;
  const change = (user: User, body: {role?: "user" | "admin"; plan?: string}) => take(api.PATCH("/api/v1/admin/users/{user_id}", {params: {path: {user_id: user.id}}, body})).then(users.reload, sayProblem);
  const ban = async (user: User) => {
    const params = {path: {user_id: user.id}};
    if (user.enabled && !(await ask(t.banAsk(user.email), t.banBody, t.ban))) return;
    await (user.enabled ? take(api.POST("/api/v1/admin/users/{user_id}/ban", {params, body: {reason: t.reasonDefault}})) : take(api.DELETE("/api/v1/admin/users/{user_id}/ban", {params}))).then(users.reload, sayProblem);
  };
  const codes = (plans.value?.items as {code: string}[] | undefined)?.map((plan) => plan.code) ?? [];
  return (
    <div class="panel scroll">
      <table class="table">
        <thead><tr><th>{text.sign.email}</th><th>{t.plan}</th><th>{t.role}</th><th>{text.jobs.started}</th><th class="right">{text.jobs.actions}</th></tr></thead>
        <tbody>{users.value.items.map((user) => (
          <tr key={user.id}>
            <td>{user.email}{!user.enabled && <> <span class="chip bad">{t.ban}</span></>}</td>
            <td><select class="input tiny-select" aria-label={`${t.plan}: ${user.email}`} value={user.plan} onChange={(event) => void change(user, {plan: event.currentTarget.value})}>{[...new Set([user.plan, ...codes])].map((code) => <option key={code} value={code}>{code}</option>)}</select></td>
            <td>{user.role}</td><td class="small soft nowrap">{ago(user.created_at)}</td>
            <td class="right"><Button tiny onClick={() => void ban(user)}>{user.enabled ? t.ban : t.unban}</Button></td>
          </tr>))}</tbody>
      </table>
    </div>
  );
}

export function Audit() {
  const list = useLoad(() => take(api.GET("/api/v1/admin/audit", {params: {query: {limit: 60}}})), [], 15_000);
  if (list.problem) return <ProblemNote problem={list.problem} retry={list.reload} />;
  if (!list.value) return <Loading lines={5} />;
  return (
    <div class="panel pad"><ul class="list small">{list.value.items.map((entry) => (
      <li key={entry.id}><span class="soft nowrap">{ago(entry.created_at)}</span><strong>{entry.action}</strong><span class="grow truncate">{entry.actor_email || entry.via}{entry.target_type && ` → ${entry.target_type} ${entry.target_id.slice(0, 13)}`}</span><span class="soft">{entry.address}</span></li>))}</ul></div>
  );
}

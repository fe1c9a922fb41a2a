// Whether everything is saved; undo and redo; what to do when somebody else saved first.

import {useEffect} from "preact/hooks";
import {useStore} from "../store";
import {text} from "../text";
import {Button, Dialog, say} from "../ui/kit";
import type {EditedTranscript} from "./document";

export function SaveState({edited}: {edited: EditedTranscript}) {
  const {saving, pending, canUndo, canRedo, conflict, refused} = useStore(edited);
  const t = text.editor;
  useEffect(() => {
    if (!refused) return;
    const told = refused.findings[0]?.message ?? refused.message;
    say(`${t.refused}: ${told}`, true);
  }, [refused]);
  useEffect(() => {
    if (!pending.length) return;
    const warn = (event: BeforeUnloadEvent) => event.preventDefault();
    addEventListener("beforeunload", warn);
    return () => removeEventListener("beforeunload", warn);
  }, [pending.length > 0]);
  return (
    <div class="row save">
      <span class="small soft" role="status">{saving === "saved" ? t.saved : saving === "saving" ? t.saving : t.unsaved(pending.length)}</span>
      <Button icon="undo" label={t.undo} tiny disabled={!canUndo} onClick={() => void edited.undo()} />
      <Button icon="redo" label={t.redo} tiny disabled={!canRedo} onClick={() => void edited.redo()} />
      {conflict !== null && (
        <Dialog title={t.conflict.title}>
          <p class="soft">{t.conflict.body(pending.length).replace("%v", String(conflict))}</p>
          <footer>
            <Button onClick={() => void edited.settle(false)}>{t.conflict.drop}</Button>
            <Button kind="main" onClick={() => void edited.settle(true)}>{t.conflict.keep}</Button>
          </footer>
        </Dialog>
      )}
    </div>
  );
}

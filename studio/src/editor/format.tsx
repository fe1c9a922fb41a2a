// What the exported file is: its shape, size and kind; and the safe area to keep to.

import type {Schemas} from "../api/client";
import {text} from "../text";
import {Select} from "../ui/kit";
import {sizeOf, type Container, type Look} from "./look";

interface Props {
  look: Look;
  change: (change: Partial<Look>) => void;
  video: Schemas["VideoResponse"];
  areas: Schemas["SafeAreaResponse"][];
}

const CONTAINERS: [Container, string][] = [["mp4", "MP4"], ["webm", "WebM"], ["mov", "MOV"], ["gif", "GIF"]];
const SIZES = [0, 360, 540, 720, 1080, 1440, 2160];
const pairs = <T extends string>(names: Record<string, string>) => Object.entries(names) as [T, string][];

export function FormatPanel({look, change, video, areas}: Props) {
  const t = text.format;
  const filmed = `${video.display_width}×${video.display_height}`;
  const sizes: [string, string][] = SIZES.map((shorter) => {
    const {width, height} = sizeOf({...look, shorter}, video);
    return [String(shorter), `${width}×${height}`];
  });
  const size = sizeOf(look, video);
  const fitting = areas.filter(({aspect}) => Math.abs((aspect[0] ?? 1) / (aspect[1] ?? 1) - size.width / size.height) < 0.02);
  return (
    <div class="stack side">
      <Select label={t.aspect} value={look.aspect} options={[["", t.source(filmed)] as const, ...pairs<Look["aspect"]>(t.aspects)]} onChange={(aspect) => change({aspect, safeArea: ""})} />
      <Select label={t.size} value={String(look.shorter)} options={sizes} onChange={(shorter) => change({shorter: Number(shorter)})} />
      {look.aspect && <Select label={t.fit} value={look.fit} options={pairs<Look["fit"]>(t.fits)} onChange={(fit) => change({fit})} />}
      <Select label={text.editor.safe} value={look.safeArea} options={[["", text.editor.safeNone], ...fitting.map((area): [string, string] => [area.name, area.title])]} onChange={(safeArea) => change({safeArea})} />
      {fitting.filter((area) => area.name === look.safeArea).map((area) => <p key={area.name} class="small soft">{area.note}</p>)}
      <Select label={t.quality} value={look.quality} options={pairs<Look["quality"]>(t.qualities)} onChange={(quality) => change({quality})} />
      <Select label={t.container} value={look.container} options={CONTAINERS} onChange={(container) => change({container})} />
      <Select label={t.layer} value={look.layer} options={pairs<Look["layer"]>(t.layers)} onChange={(layer) => change({layer})} />
      <label class="check"><input type="checkbox" checked={look.loudness} onChange={(event) => change({loudness: event.currentTarget.checked})} />{t.loudness}</label>
    </div>
  );
}

// Numbers over time.

import {useEffect, useRef} from "preact/hooks";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";

interface Props {
  times: number[];
  lines: {name: string; values: (number | null)[]}[];
  height?: number;
}

const DASHES = [[], [6, 4], [2, 3], [10, 3, 2, 3]];

// Lines differ in dashes, not in colour alone.
export default function Chart({times, lines, height = 170}: Props) {
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const names = lines.map((line) => line.name).join("|");
  useEffect(() => {
    if (!box.current) return;
    const style = getComputedStyle(document.documentElement);
    const ink = style.getPropertyValue("--ink").trim(), soft = style.getPropertyValue("--soft").trim(), line = style.getPropertyValue("--line").trim();
    const axis = {stroke: soft, grid: {stroke: line, width: 1}, ticks: {stroke: line, width: 1}, font: "12px system-ui"};
    const series = lines.map(({name}, index) => ({label: name, stroke: index ? soft : ink, width: 2, dash: DASHES[index % DASHES.length] ?? [], points: {show: times.length < 2}}));
    plot.current = new uPlot({width: box.current.clientWidth, height, series: [{}, ...series], axes: [axis, {...axis, size: 44}], cursor: {show: false}, legend: {live: false}, scales: {y: {range: (_, __, most) => [0, Math.max(1, most * 1.1)]}}},
      [times, ...lines.map(({values}) => values)], box.current);
    const watcher = new ResizeObserver(() => plot.current?.setSize({width: box.current?.clientWidth ?? 300, height}));
    watcher.observe(box.current);
    return () => { watcher.disconnect(); plot.current?.destroy(); plot.current = null; };
  }, [names, height]);
  useEffect(() => plot.current?.setData([times, ...lines.map(({values}) => values)]), [times, lines]);
  return <div ref={box} class="chart" role="img" aria-label={names.replaceAll("|", ", ")} />;
}

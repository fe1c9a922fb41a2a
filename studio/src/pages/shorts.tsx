export function Shorts(_: {id: string}) {
  return null;
}

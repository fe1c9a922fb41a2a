export function Sounds(_: {id: string}) {
  return null;
}

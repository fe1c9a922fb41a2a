export function Songs(_: {id: string}) {
  return null;
}

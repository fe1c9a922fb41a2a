// Light or dark: as the system, unless somebody chose.

export type Theme = "auto" | "light" | "dark";

const KEY = "reelyard.theme";

export function readTheme(): Theme {
  const kept = localStorage.getItem(KEY);
  return kept === "light" || kept === "dark" ? kept : "auto";
}

export const keepTheme = (theme: Theme) => localStorage.setItem(KEY, theme);

export function applyTheme(): void {
  const theme = readTheme();
  if (theme === "auto") delete document.documentElement.dataset["theme"];
  else document.documentElement.dataset["theme"] = theme;
}

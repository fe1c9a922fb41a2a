import {render} from "preact";
import {App} from "./app";
import {session} from "./api/session";
import {applyTheme} from "./theme";
import "./styles/tokens.css";
import "./styles/base.css";
import "./styles/parts.css";

const root = document.getElementById("app");
if (root) {
  applyTheme();
  render(<App />, root);
  void session.restore();
}

// The item in the status bar. A click opens the menu.
import { StatusBarAlignment, ThemeColor, window, type Disposable, type StatusBarItem } from "vscode";
import { words, type Condition } from "./words";

export class StatusItem implements Disposable {
  readonly #item: StatusBarItem;
  #condition: Condition = { state: "starting" };

  constructor(private readonly enabled: () => boolean) {
    this.#item = window.createStatusBarItem("infill.status", StatusBarAlignment.Right, 100);
    this.#item.name = "Infill";
    this.#item.command = "infill.menu";
    this.#item.show();
    this.refresh();
  }

  get condition(): Condition {
    return this.#condition;
  }

  /** Shows another condition. */
  show(condition: Condition): void {
    this.#condition = condition;
    this.refresh();
  }

  /** Draws again, as when the settings changed. */
  refresh(): void {
    const { text, sentence, alarming } = words(this.#condition, this.enabled(), window.activeTextEditor?.document.uri.toString());
    this.#item.text = text;
    this.#item.tooltip = sentence;
    this.#item.accessibilityInformation = { label: sentence };
    this.#item.backgroundColor = alarming ? new ThemeColor("statusBarItem.warningBackground") : undefined;
  }

  dispose(): void {
    this.#item.dispose();
  }
}

// What a guest has beside the language itself. The build checks with it; an editor need not.

interface Console {
  log(...parts: unknown[]): void;
  info(...parts: unknown[]): void;
  warn(...parts: unknown[]): void;
  error(...parts: unknown[]): void;
  debug(...parts: unknown[]): void;
}

declare var console: Console;

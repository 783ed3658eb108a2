// What the scripts find in the page beside each other. Read by TypeScript's checker only; no browser loads it.
import type * as Leaflet from "leaflet";
import type { components } from "./rest";

declare global {
  /** The shapes of the REST API's bodies and answers, by the names that our OpenAPI document gives them. */
  type Rest = components["schemas"];

  /** `page_data` of layouts/page_data.py, which each page carries. */
  interface PageData {
    base: string;
    language: string;
    language_cookie: string;
    timezone: string;
    sites: SiteData[];
    responders: { id: string; name: string; team: string }[];
    vehicles: boolean;
    kiosk: { lends: string[] } | null;
    units: Record<string, string>;
    undo_within_s: number;
    shelve_at_most: Record<string, number>;
  }

  /** `site_data` of layouts/page_data.py. */
  interface SiteData {
    id: string;
    name: string;
    lon: number;
    lat: number;
    grid: string;
    camera: boolean;
    picture_every_s: number | null;
    gauges: boolean;
    zones: { id: string; polygon: [number, number][] }[];
    limits: { quantity: string; value: number; priority: string }[];
    rules: { id: string; kind: string }[];
  }

  /** How a site is, as the events socket tells it: topic "site". */
  interface SiteState {
    site: string;
    health: string;
    degraded: string;
    cause: string;
    losses: any[];
    at: string | null;
  }

  /** A gauge's newest reading, and its curve: [milliseconds, value]. */
  interface Gauged {
    site: string;
    monitor: string;
    quantity: string;
    unit: string;
    value: number;
    at: string;
    points: [number, number][];
  }

  type TimeFormat = "time" | "minute" | "date" | "full";
  type Child = Node | string | number | false | null | undefined;
  /** A handler's events are those of the element that it is given to; an attribute is text, a number or a flag. */
  type Properties = Record<string, any>;
  /** What `request` throws for a refusal of the server. */
  type Refused = Error & { detail?: string; errors?: any; words?: { key: string; values: Record<string, any> }; status?: number };

  /** The members of 00_base.js. Those of the other files are inferred from where they are assigned. */
  interface Base {
    page: PageData;
    language: string;
    words: Record<string, string>;
    t(key: string, values?: Record<string, unknown>, instead?: string): string;
    clock: { now(): number; guess(header: string | null): void; hear(iso: string): void };
    show(iso: string | null | undefined, how?: TimeFormat): string;
    wall(ms: number): string;
    moment(text: string): Date;
    zoneNote(): HTMLElement;
    ago(iso: string | null | undefined): string;
    ageSeconds(iso: string): number;
    duration(s: number): string;
    make<K extends keyof HTMLElementTagNameMap>(
      tag: K,
      properties?: Properties,
      ...children: (Child | Child[])[]
    ): HTMLElementTagNameMap[K];
    since(iso: string, how?: "ago" | "for", properties?: Properties): HTMLTimeElement;
    everySecond: Set<() => void>;
    mount(id: string, fill: (place: any) => void): void;
    at(path: string): string;
    me(): Promise<Rest["Me"]>;
    may(action: string): boolean;
    myName(): string;
    get(path: string): Promise<any>;
    post(path: string, body?: any, given?: Record<string, string>): Promise<any>;
    onPosted(listener: (path: string, answer: any, body: any) => void): void;
    send(method: string, path: string, body?: any, headers?: Record<string, string>): Promise<any>;
    all(path: string, most?: number): Promise<any[]>;
    say(text: string, kind?: "note" | "error"): void;
    act(button: { disabled: boolean } | null | undefined, step: () => unknown): Promise<void>;
    unfit(reason: string): string;
    sites: Map<string, SiteData>;
    siteName(id: string): string;
    personName(id: string | null | undefined): string;
    personNames(ids: string | string[]): string;
    nameUser(id: string, name: string | null | undefined): void;
  }

  namespace yiping {
    const page: Base["page"];
    const language: Base["language"];
    const words: Base["words"];
    const t: Base["t"];
    const clock: Base["clock"];
    const show: Base["show"];
    const wall: Base["wall"];
    const moment: Base["moment"];
    const zoneNote: Base["zoneNote"];
    const ago: Base["ago"];
    const ageSeconds: Base["ageSeconds"];
    const duration: Base["duration"];
    const make: Base["make"];
    const since: Base["since"];
    const everySecond: Base["everySecond"];
    const mount: Base["mount"];
    const at: Base["at"];
    const me: Base["me"];
    const may: Base["may"];
    const myName: Base["myName"];
    const get: Base["get"];
    const post: Base["post"];
    const onPosted: Base["onPosted"];
    const send: Base["send"];
    const all: Base["all"];
    const say: Base["say"];
    const act: Base["act"];
    const unfit: Base["unfit"];
    const sites: Base["sites"];
    const siteName: Base["siteName"];
    const personName: Base["personName"];
    const personNames: Base["personNames"];
    const nameUser: Base["nameUser"];
    /** Lists that scroll and hold nothing to stop at become reachable by keyboard (20_frame.js). */
    let reach: () => void;
    /** Functions that list what else sounds until somebody acts (20_frame.js). */
    let callers: Set<() => unknown[]>;
    /** The cursor and what is known at its moment, on the page of the review (50_review.js). */
    let review: {
      follow(draw: (data: any, cursor: number) => void): void;
      seek(at: number): void;
      stateThen: (...given: any[]) => any;
      cursor(): number;
      inAddress(part: () => Record<string, any>): void;
      addressChanged(): void;
      isRead(): boolean;
      onAxis(draw: () => void): void;
      timeAt(clientX: number): number | null;
      placeOf(at: number): number | null;
      span(): { since: number; until: number } | null;
    };
    /** The form of a unit (61_unit_forms.js). */
    let unitForm: (given: any) => HTMLElement;
  }

  /** What a selector finds is an element of this page; which kind, the script that asks knows. */
  interface ParentNode {
    querySelector(selectors: string): any;
    querySelectorAll(selectors: string): NodeListOf<any>;
  }
  /** A form's fields by their names. */
  interface HTMLFormControlsCollection {
    [name: string]: any;
  }

  // ---- of the libraries that Dash loads, what the scripts use
  const L: typeof Leaflet;
  interface Navigator {
    userAgentData?: { platform: string }; // not in every browser
  }
  interface Window {
    L: typeof Leaflet;
    /** What the phone's page lends to its script of inspections, which adds `places` (phone.js, inspect.js). */
    yipingPhone: Record<string, any>;
    yipingWords: Record<string, Record<string, string>>;
    React: { createElement(...parts: any[]): any };
    dash_clientside: Record<string, any>;
    dash_ag_grid: { getApi(id: string): any; getApiAsync(id: string): Promise<any> };
    dashAgGridFunctions: Record<string, any>;
    dashAgGridComponentFunctions: Record<string, any>;
  }
}

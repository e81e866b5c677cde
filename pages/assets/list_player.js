// The player of a playlist: one piece after the other, with gain, fades, and a gap or a crossfade between two pieces.
// The page gives the address of one piece at a time; the player asks for the next one while a piece plays. A piece is
// fetched whole, so that playing does not depend on the server. Names of pieces travel as data, never as HTML.

const POINTS = 64; // of the curve of a fade
const BACK_S = 3; // after so many seconds, "Previous" goes to the begin of the piece
const STEP_S = 5; // of an arrow key
const players = new WeakMap();

// Set the gain of a piece from one of its moments on: fade-in, gain, fade-out. A fade is a quarter of a sine wave.
// param: of a gain node. now: of its clock, s. at: moment of the piece, s. length: of the piece, s. db: its gain.
export function scheduleFades(param, { now, at, length, db, in_s, out_s }) {
  const loud = 10 ** (db / 20);
  const begin = Math.min(in_s, length / 2);
  const end = Math.min(out_s, length / 2);
  const factor = (t) => loud
    * (begin ? Math.sin(Math.PI / 2 * Math.min(1, Math.max(0, t / begin))) : 1)
    * (end ? Math.sin(Math.PI / 2 * Math.min(1, Math.max(0, (length - t) / end))) : 1);
  const curve = (from, to) => {
    if (to - from < 0.01) return;
    const points = Float32Array.from({ length: POINTS }, (_, k) => factor(from + (to - from) * k / (POINTS - 1)));
    param.setValueCurveAtTime(points, now + Math.max(0, from - at), to - from - 0.002);
  };
  param.cancelScheduledValues(0);
  param.setValueAtTime(factor(at), now);
  curve(Math.max(at, 0), begin);
  curve(Math.max(at, length - end), length);
}

// Fades of the piece at this place of the list, s.
export function endsOf(fades, index, count) {
  return {
    in_s: fades.crossfade_s && index > 0 ? fades.crossfade_s : fades.in_s,
    out_s: fades.crossfade_s && index < count - 1 ? fades.crossfade_s : fades.out_s,
  };
}

const clock = (s) => `${Math.floor(s / 60)}:${String(Math.floor(s % 60)).padStart(2, "0")}`;

class Player {
  constructor(root) {
    this.find = (name) => root.querySelector(`[data-part=${name}]`);
    this.decks = new Map(); // piece -> what is loaded of it
    this.at = -1; // place in the list
    this.playing = false;
    this.asked = null; // the piece whose address the page was asked for
    this.turn = 0;
    this.other = () => this.playing && this.pause(); // another player of the page starts; our own are not in the page
    document.addEventListener("play", this.other, true);
    this.keys = { // of the keyboard, or of the headphones
      play: () => this.toggle(), pause: () => this.pause(),
      previoustrack: () => this.back(), nexttrack: () => this.go(this.at + 1),
    };
    this.find("play").addEventListener("click", () => this.toggle());
    this.find("back").addEventListener("click", () => this.back());
    this.find("next").addEventListener("click", () => this.go(this.at + 1));
    this.find("seek").addEventListener("input", (event) => this.seek(Number(event.target.value)));
    this.find("seek").addEventListener("keydown", (event) => {
      const step = { ArrowLeft: -STEP_S, ArrowDown: -STEP_S, ArrowRight: STEP_S, ArrowUp: STEP_S }[event.key];
      if (!step) return;
      event.preventDefault();
      this.seek((this.deck()?.audio?.currentTime ?? 0) + step);
    });
  }

  // Take what the page says now. The list may have changed: the piece that plays stays where it is in the new list.
  update({ data, setStateValue }) {
    const current = this.piece()?.id;
    this.data = data;
    this.send = setStateValue;
    if (current) this.at = data.pieces.findIndex((piece) => piece.id === current);
    if (current && this.at < 0) this.stop();
    if (data.ready && data.ready.id === this.asked) this.take(data.ready);
    this.release({ hold: this.deck() });
    this.need();
    this.decks.forEach((deck, id) => this.running(deck) && id === this.piece()?.id && this.schedule(deck));
    this.draw();
  }

  piece(index = this.at) {
    return this.data?.pieces[index];
  }

  deck(index = this.at) {
    return this.decks.get(this.piece(index)?.id);
  }

  running(deck) {
    return deck?.audio && !deck.audio.paused && !deck.audio.ended;
  }

  // Whether the level of the list has changed since this piece was loaded.
  stale(deck) {
    const piece = this.data.pieces.find(({ id }) => id === deck.id);
    return piece !== undefined && deck.wish !== piece.gain_db;
  }

  // Ask for the piece that plays, and for the next one, if one of them is not here with its gain of now.
  need() {
    if (this.at < 0) return;
    this.ask(this.at);
    this.ask(this.at + 1);
  }

  ask(index) {
    const piece = this.piece(index);
    const deck = this.deck(index);
    if (!piece || this.asked || (deck && !this.stale(deck))) return;
    this.asked = piece.id;
    this.turn += 1;
    this.send("wanted", { piece: piece.id, turn: this.turn });
  }

  // Take the answer of the page. ready: address, gain and note of a piece, or the problem that it has.
  take(ready) {
    const known = this.decks.get(ready.id);
    const deck = known ?? { id: ready.id, problem: ready.problem || "" };
    deck.wish = this.data.pieces.find(({ id }) => id === ready.id)?.gain_db;
    if (!ready.problem) Object.assign(deck, { db: ready.gain_db, note: ready.note || "" });
    if (!known) this.load(deck, ready.url);
    else if (known.loaded) this.asked = null;
  }

  async load(deck, address) {
    this.decks.set(deck.id, deck);
    try {
      if (!deck.problem) {
        const answer = await fetch(address);
        if (!answer.ok) throw new Error(answer.status);
        deck.url = URL.createObjectURL(await answer.blob());
        await this.prepare(deck);
      }
    } catch {
      deck.problem = "The browser cannot get or play this file.";
    }
    deck.loaded = true;
    this.asked = null;
    if (this.deck() === deck && this.playing) this.start(deck);
    else this.need();
  }

  prepare(deck) {
    deck.audio = new Audio(deck.url);
    deck.gain = this.context.createGain();
    this.context.createMediaElementSource(deck.audio).connect(deck.gain).connect(this.context.destination);
    const heard = this.data.pieces.find(({ id }) => id === deck.id)?.heard;
    if (heard) window.tmePlays?.follow(deck.audio, heard);
    deck.audio.addEventListener("timeupdate", () => this.moved(deck));
    deck.audio.addEventListener("ended", () => this.ended(deck));
    return new Promise((done, failed) => {
      deck.audio.addEventListener("loadedmetadata", done, { once: true });
      deck.audio.addEventListener("error", failed, { once: true });
    });
  }

  toggle() {
    if (this.playing) this.pause();
    else if (this.at < 0) this.go(0);
    else if (this.gap) this.go(this.at + 1);
    else this.resume();
  }

  // Play the piece at this place of the list from its begin. A piece in a crossfade sounds until its end.
  go(index, { after = null } = {}) {
    if (!this.data?.pieces.length) return;
    this.context ??= new AudioContext();
    this.context.resume();
    clearTimeout(this.gap);
    this.gap = null;
    this.decks.forEach((deck) => deck !== after && deck.audio?.pause());
    if (index >= this.data.pieces.length) return this.stop("The list is at its end.");
    this.at = Math.max(0, index);
    this.playing = true;
    this.release();
    const coming = this.decks.get(this.asked);
    if (!coming || coming.loaded) this.asked = null; // an answer that got lost is asked for again
    const deck = this.deck();
    if (deck?.audio) deck.audio.currentTime = 0;
    if (deck?.loaded) this.start(deck);
    else this.ask(this.at);
    this.draw();
  }

  start(deck) {
    deck.handed = false;
    if (deck.problem) {
      this.gap = setTimeout(() => this.go(this.at + 1), 1500);
      return;
    }
    this.resume();
    this.need();
  }

  resume() {
    const deck = this.deck();
    document.querySelectorAll("audio, video").forEach((other) => other.pause());
    this.context.resume();
    this.playing = true;
    if (deck?.audio) {
      deck.audio.play().then(() => this.schedule(deck), () => this.refused());
    } else this.ask(this.at);
    this.draw();
  }

  refused() {
    if (!this.playing) return;
    this.pause();
    this.say("The browser did not start the music. Press Play again.");
  }

  pause() {
    this.playing = false;
    clearTimeout(this.gap);
    this.decks.forEach((deck) => deck.audio?.pause());
    this.draw();
  }

  stop(text = "") {
    this.pause();
    this.gap = null;
    this.at = -1;
    this.draw();
    if (text) this.say(text);
  }

  back() {
    if (this.at < 0) return;
    const deck = this.deck();
    this.go(deck?.audio && deck.audio.currentTime > BACK_S ? this.at : this.at - 1);
  }

  seek(second) {
    const deck = this.deck();
    if (!deck?.audio) return;
    deck.audio.currentTime = Math.max(0, Math.min(second, deck.audio.duration - 0.2));
    deck.handed = false;
    if (this.playing) this.schedule(deck);
    this.time(deck);
  }

  schedule(deck) {
    const { audio, gain, db } = deck;
    scheduleFades(gain.gain, {
      now: this.context.currentTime, at: audio.currentTime, length: audio.duration, db,
      ...endsOf(this.data.fades, this.at, this.data.pieces.length),
    });
    clearTimeout(deck.timer);
    const left = audio.duration - audio.currentTime - this.data.fades.crossfade_s;
    if (this.data.fades.crossfade_s) deck.timer = setTimeout(() => this.moved(deck), 1000 * Math.max(0, left));
  }

  moved(deck) {
    if (deck !== this.deck()) return;
    this.time(deck);
    const left = deck.audio.duration - deck.audio.currentTime;
    const cross = this.data.fades.crossfade_s;
    if (!cross || deck.handed || !this.playing || left > cross || this.at + 1 >= this.data.pieces.length) return;
    if (!this.deck(this.at + 1)?.audio) return; // the next piece is not here yet: it follows at the end
    deck.handed = true;
    this.go(this.at + 1, { after: deck });
  }

  ended(deck) {
    if (deck !== this.deck() || !this.playing) return;
    const last = this.at + 1 >= this.data.pieces.length;
    const wait = last ? 0 : this.data.fades.gap_s;
    if (wait) this.say(`Silence of ${wait} s before the next piece.`);
    this.gap = setTimeout(() => this.go(this.at + 1), 1000 * wait);
  }

  // Forget pieces that are far away from the one that plays, or that have an old gain. hold: stays in any case.
  release({ all = false, hold = null } = {}) {
    const near = [-1, 0, 1].map((step) => this.piece(this.at + step)?.id);
    for (const [id, deck] of this.decks) {
      const wanted = deck === hold || !deck.loaded || this.running(deck) || (near.includes(id) && !this.stale(deck));
      if (wanted && !all) continue;
      clearTimeout(deck.timer);
      deck.audio?.pause();
      if (deck.audio) window.tmePlays?.leave(deck.audio);
      deck.gain?.disconnect();
      if (deck.url) URL.revokeObjectURL(deck.url);
      this.decks.delete(id);
    }
  }

  end() {
    clearTimeout(this.gap);
    document.removeEventListener("play", this.other, true);
    this.release({ all: true });
    this.context?.close();
    if (!("mediaSession" in navigator)) return;
    navigator.mediaSession.metadata = null;
    for (const name of Object.keys(this.keys)) navigator.mediaSession.setActionHandler(name, null);
  }

  say(text) {
    if (this.find("status").textContent !== text) this.find("status").textContent = text;
  }

  time(deck) {
    const { currentTime: now, duration: length } = deck.audio;
    if (!Number.isFinite(length)) return;
    const seek = this.find("seek");
    seek.max = length;
    seek.value = now;
    seek.setAttribute("aria-valuetext", `${clock(now)} of ${clock(length)}`);
    this.find("time").textContent = `${clock(now)} / ${clock(length)}`;
  }

  about(deck) {
    if (!deck?.loaded) return "loading ...";
    if (deck.problem) return `left out. ${deck.problem}`;
    return `gain ${deck.db < 0 ? "" : "+"}${deck.db.toFixed(1)} dB${deck.note ? `; ${deck.note}` : ""}`;
  }

  draw() {
    const count = this.data.pieces.length;
    const piece = this.piece();
    const deck = this.deck();
    this.find("play").textContent = this.playing ? "Pause" : this.at < 0 ? "Play all" : "Play";
    this.find("back").disabled = this.at < 0;
    this.find("next").disabled = this.at < 0 || this.at + 1 >= count;
    this.find("seek").disabled = !deck?.audio;
    if (deck?.audio) this.time(deck);
    if (!piece) {
      this.find("time").textContent = "";
      return this.say(`${count} ${count === 1 ? "piece" : "pieces"}, one after the other.`);
    }
    this.say(`${this.at + 1} of ${count}: ${piece.title}; ${this.about(deck)}`);
    if (!("mediaSession" in navigator)) return;
    navigator.mediaSession.metadata = new MediaMetadata({ title: piece.title });
    for (const [name, work] of Object.entries(this.keys)) navigator.mediaSession.setActionHandler(name, work);
  }
}

export default function (component) {
  const root = component.parentElement;
  if (!players.has(root)) players.set(root, new Player(root));
  players.get(root).update(component);
  return () => {
    players.get(root)?.end();
    players.delete(root);
  };
}

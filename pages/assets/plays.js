// Plays, skips and finished pieces of all players of the dashboard. docs/use.md has the rule; the page sends its numbers.
// A hearing begins when a sound starts. It counts as a play once, as soon as enough of the sound was heard. It ends when
// the sound ends, when another sound comes into its player, when another player starts while this one is paused, or when
// its player leaves the page. An end before the play is a skip. A pause alone ends nothing.
// Of the container of a player: a name, a length in tenths of a second, and a mark where an early end is no skip.
const MARK = /(?:^|\s)st-key-(heard_[0-9a-f]+(?:_(\d+))?(_all)?)(?:\s|$)/;
const NAMES = ["play", "timeupdate", "pause", "seeking", "seeked", "ended", "emptied"];
const NEAR_S = 0.6; // so far from its end a sound counts as ended; browsers report the place four times a second
const MOST = 50; // reports of one message

class Plays {
  constructor() {
    this.hearings = new Map(); // audio element -> what is known of the sound that plays or pauses there
    this.followed = new WeakMap(); // audio element outside of the page -> key of its player
    this.waiting = []; // reports that the server has not confirmed
    const here = (event) => event.target instanceof HTMLMediaElement && this.happened(event.type, event.target);
    for (const name of NAMES) document.addEventListener(name, here, true);
    new MutationObserver(() => {
      for (const audio of [...this.hearings.keys()]) {
        if (!audio.isConnected && !this.followed.has(audio)) this.end(audio);
      }
    }).observe(document.body, { childList: true, subtree: true });
  }

  // Count a sound whose element is not part of the page.
  follow(audio, player) {
    this.followed.set(audio, player);
    for (const name of NAMES) audio.addEventListener(name, () => this.happened(name, audio));
  }

  // Its player gives this sound up.
  leave(audio) {
    this.end(audio);
  }

  place(audio) {
    if (this.followed.has(audio)) return { player: this.followed.get(audio), length: null, skips: true };
    for (let box = audio.parentElement; box; box = box.parentElement) {
      const found = MARK.exec(box.getAttribute("class") ?? "");
      if (found) return { player: found[1], length: found[2] ? found[2] / 10 : null, skips: !found[3] };
    }
    return null;
  }

  happened(name, audio) {
    if (name === "play") this.begin(audio);
    const hearing = this.hearings.get(audio);
    if (!hearing) return;
    if (name === "emptied") return this.end(audio); // another sound comes into this player
    if (name === "seeking") {
      if (audio.loop && hearing.last !== null && hearing.last >= audio.duration - NEAR_S) this.finish(hearing);
      hearing.last = null;
    } else if (name === "seeked" || name === "play") {
      hearing.last = audio.currentTime;
    } else if (!audio.seeking) {
      this.hear(hearing, audio);
    }
    if (name === "pause") {
      hearing.last = null;
      if (hearing.length && length(hearing.parts) >= hearing.length - NEAR_S) this.finish(hearing); // end of a passage
    }
    if (name === "ended") {
      this.finish(hearing);
      this.end(audio);
    }
  }

  begin(audio) {
    const before = this.hearings.get(audio);
    if (before && before.source === audio.currentSrc && (!before.finished || audio.loop)) return; // it goes on
    const place = this.place(audio);
    for (const other of [...this.hearings.keys()]) if (other === audio || other.paused) this.end(other);
    if (!place) return;
    this.hearings.set(audio, {
      ...place, id: crypto.randomUUID?.() ?? String(Math.random()), source: audio.currentSrc, parts: [], last: null,
      played: false, finished: false, seconds: null,
    });
  }

  hear(hearing, audio) {
    const now = audio.currentTime;
    if (hearing.last !== null && now > hearing.last) hearing.parts = union([...hearing.parts, [hearing.last, now]]);
    hearing.last = now;
    if (Number.isFinite(audio.duration)) hearing.seconds = hearing.length ?? audio.duration;
    const { play_share: share, play_s: most } = this.rule;
    if (hearing.played || !hearing.seconds) return;
    if (length(hearing.parts) < Math.min(share * hearing.seconds, most)) return;
    hearing.played = true;
    this.report("played", hearing);
  }

  // The sound reached its end. Who moved it there without hearing enough of it has skipped it.
  finish(hearing) {
    if (!hearing.played || hearing.finished) return;
    hearing.finished = true;
    this.report("finished", hearing);
  }

  end(audio) {
    const hearing = this.hearings.get(audio);
    this.hearings.delete(audio);
    if (hearing?.skips && !hearing.played && length(hearing.parts) > 0) this.report("skipped", hearing);
  }

  report(kind, { id, player, parts, seconds }) {
    const rounded = (number) => Math.round(10 * number) / 10;
    this.waiting.push({ id: `${id} ${kind}`, kind, player, heard_s: rounded(length(parts)), length_s: rounded(seconds ?? 0) });
    this.waiting = this.waiting.slice(-MOST);
    this.send?.("reports", [...this.waiting]);
  }

  // Take what the page says now: the rule, and which reports it has.
  connect({ data, setStateValue }) {
    const again = !this.send;
    this.rule = data;
    this.send = setStateValue;
    this.waiting = this.waiting.filter(({ id }) => !data.seen.includes(id));
    if (again && this.waiting.length) this.send("reports", [...this.waiting]); // the page was left meanwhile
  }
}

export default function (component) {
  window.tmePlays ??= new Plays();
  window.tmePlays.connect(component);
  return () => { window.tmePlays.send = null; };
}

import type { PeerInfo, Registration } from 'nsqlookupd/registry';

/** A registry as a plain list that every question scans, to hold the real one against. */
export class NaiveDB {
  #registrations: Registration[] = [];
  #producers: { registration: Registration; peer: PeerInfo; tombstonedAtMs: number | undefined }[] = [];

  get size(): number {
    return this.#registrations.length + this.#producers.length;
  }

  addRegistration(registration: Registration): boolean {
    if (this.hasRegistration(registration)) return false;
    this.#registrations.push(registration);
    return true;
  }

  removeRegistration(registration: Registration): boolean {
    const had = this.hasRegistration(registration);
    this.#registrations = this.#registrations.filter((other) => !isSame(other, registration));
    this.#producers = this.#producers.filter((other) => !isSame(other.registration, registration));
    return had;
  }

  addProducer(registration: Registration, peer: PeerInfo): boolean {
    this.addRegistration(registration);
    if (this.#find(registration, peer)) return false;
    this.#producers.push({ registration, peer, tombstonedAtMs: undefined });
    return true;
  }

  removeProducer(registration: Registration, peer: PeerInfo): boolean {
    const found = this.#find(registration, peer);
    this.#producers = this.#producers.filter((other) => other !== found);
    return found !== undefined;
  }

  removePeer(peer: PeerInfo): Registration[] {
    const registrations = this.registrationsOf(peer);
    this.#producers = this.#producers.filter((producer) => producer.peer !== peer);
    return registrations;
  }

  tombstone(registration: Registration, peer: PeerInfo, atMs: number): boolean {
    const found = this.#find(registration, peer);
    if (found) found.tombstonedAtMs = atMs;
    return found !== undefined;
  }

  hasRegistration(registration: Registration): boolean {
    return this.#registrations.some((other) => isSame(other, registration));
  }

  findRegistrations(category: string, key: string, subkey: string): Registration[] {
    return this.#registrations.filter((other) => matches(other, category, key, subkey));
  }

  /** The peers alone: of several producers of one peer, any may be named. */
  findPeers(category: string, key: string, subkey: string): PeerInfo[] {
    const found = this.#producers.filter(({ registration }) => matches(registration, category, key, subkey));
    return [...new Set(found.map(({ peer }) => peer))];
  }

  registrationsOf(peer: PeerInfo): Registration[] {
    return this.#producers.filter((producer) => producer.peer === peer).map(({ registration }) => registration);
  }

  tombstonedAt(registration: Registration, peer: PeerInfo): number | undefined {
    return this.#find(registration, peer)?.tombstonedAtMs;
  }

  #find(registration: Registration, peer: PeerInfo) {
    return this.#producers.find((other) => other.peer === peer && isSame(other.registration, registration));
  }
}

function isSame(a: Registration, b: Registration): boolean {
  return a.category === b.category && a.key === b.key && a.subkey === b.subkey;
}

function matches(registration: Registration, category: string, key: string, subkey: string): boolean {
  return (
    registration.category === category &&
    (key === '*' || registration.key === key) &&
    (subkey === '*' || registration.subkey === subkey)
  );
}

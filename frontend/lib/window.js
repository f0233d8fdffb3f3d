// A period as the API is asked for it.

/** `from` and `to` of a period, RFC 3339 in UTC. */
export const asked = ({ from, to }) => ({ from: new Date(from).toISOString(), to: new Date(to).toISOString() });

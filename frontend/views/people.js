// The users of the organisation, and their roles in each factory.

import { createUserForm, createUserPanel, rolesInWords } from "./people/user-form.js";
import { createRegistryPage } from "../components/registry-page.js";
import { text } from "../lib/texts.js";

export const people = {
  still: true,
  title: ({ text }) => text("views.people"),
  queries: () => ({ users: { path: "/users/" } }),

  create(context) {
    const { format, link } = context;
    const page = createRegistryPage(context, {
      view: "people",
      key: ({ user_id: id }) => String(id),
      sort: "name",
      columns: [
        {
          key: "name",
          title: text("people.name"),
          type: "text",
          value: ({ name }) => name,
          note: ({ email }) => email,
          href: ({ user_id: id }) => link({ view: "people", id }),
        },
        { key: "roles", title: text("people.roles"), type: "text", value: ({ roles }) => rolesInWords(roles) },
        {
          key: "state",
          title: text("people.state"),
          type: "text",
          value: (user) => text(`people.is_${stateOf(user)}`),
        },
        {
          key: "totp",
          title: text("people.totp"),
          type: "text",
          value: ({ totp_enabled: on }) => text(on ? "words.yes" : "words.no"),
        },
        {
          key: "seen",
          title: text("people.last_sign_in"),
          type: "time",
          value: ({ last_sign_in_at: at }) => at,
          write: ({ last_sign_in_at: at }) => (at ? format.dateTime(at) : text("words.never")),
        },
      ],
      add: () => createUserForm(context),
      panel: (user) => createUserPanel(context, user),
    });
    return { node: page.node, show: ({ answers, place }) => page.show(answers.users.data, place) };
  },
};

const stateOf = ({ disabled, must_change_password: first }) => (disabled ? "disabled" : first ? "new" : "active");

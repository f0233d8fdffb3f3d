// The forms for a user: add one, change one.

import { get, patch, post, remove } from "../../lib/api.js";
import { element } from "../../lib/element.js";
import { current } from "../../lib/session.js";
import { text } from "../../lib/texts.js";
import { confirmButton } from "../../components/confirm.js";
import { checkField, choiceField, createForm, inputField, onlyChanges } from "../../components/form.js";
import { createSecret } from "../../components/secret.js";

const ROLES = ["wall", "viewer", "supervisor", "manager", "admin"];
const EVERYWHERE = "*";

const factoryName = (id) =>
  id === EVERYWHERE
    ? text("people.everywhere")
    : (current().factories.find(({ factory_id: one }) => one === id)?.name ?? id);

/** "Manager: Berlin, Viewer: all factories". */
export const rolesInWords = (roles) =>
  Object.entries(roles)
    .map(([factory, role]) => `${text(`roles.${role}`)}: ${factoryName(factory)}`)
    .join(", ") || text("people.no_role");

/** A form for a new user. */
export function createUserForm({ refresh }) {
  const shown = element("div");
  const roles = roleFields({});
  const fields = {
    name: inputField(text("people.name"), { name: "name", maxlength: 200 }),
    email: inputField(text("people.email"), {
      type: "email",
      name: "email",
      autocapitalize: "off",
      spellcheck: "false",
    }),
    ...roles.fields,
  };
  const form = createForm({
    fields,
    save: text("people.create"),
    async send() {
      const { data } = await post("/users/", {
        name: fields.name.control.value.trim(),
        email: fields.email.control.value.trim(),
        roles: roles.chosen(),
      });
      shown.replaceChildren(
        createSecret(text("people.initial_password", { email: data.email }), data.initial_password),
      );
      fields.name.control.value = fields.email.control.value = "";
      refresh();
      return text("people.created", { name: data.name });
    },
  });
  return {
    heading: text("people.add"),
    node: element("div", { class: "administration" }, form.node, shown),
    focus: form.focus,
  };
}

/** The forms and buttons that change a user. */
export function createUserPanel({ refresh, go }, user) {
  const shown = element("div");
  const address = `/users/${encodeURIComponent(user.user_id)}`;
  const roles = roleFields(user.roles);
  const fields = {
    name: inputField(text("people.name"), { name: "name", maxlength: 200, value: user.name }),
    ...roles.fields,
    disabled: checkField(text("people.disable"), user.disabled),
    end_keys: checkField(text("people.end_keys"), false),
  };
  const made = element("div", { role: "status" });
  const showKeys = (keys) => {
    fields.end_keys.node.hidden = keys.length === 0;
    fields.end_keys.control.checked = false;
    made.replaceChildren(...(keys.length ? keysMade(keys) : []));
  };
  showKeys([]);
  const look = async () => showKeys((await get(address)).data.keys_made);
  const changed = (values) => patch(address, values);
  const form = createForm({
    fields,
    save: text("form.save_changes"),
    send: onlyChanges(
      () => ({
        name: fields.name.control.value.trim(),
        roles: roles.chosen(),
        disabled: fields.disabled.control.checked,
        ...(fields.end_keys.control.checked && { end_keys: true }),
      }),
      async (changes) => {
        await changed(changes);
        await look();
        refresh();
        return text("form.saved");
      },
    ),
  });

  /** A button beside the form, whose outcome the form shows. */
  const act = (work) => async () => {
    form.report("");
    try {
      form.report(await work(), "good");
    } catch (error) {
      form.failed(error);
    }
  };
  const reset = act(async () => {
    const { data } = await changed({ reset_password: true });
    shown.replaceChildren(createSecret(text("people.initial_password", { email: user.email }), data.initial_password));
    refresh();
    return text("people.password_reset");
  });
  const resetTotp = act(async () => {
    await changed({ reset_totp: true });
    refresh();
    return text("people.totp_reset");
  });
  const leave = act(async () => {
    await remove(address, undefined, fields.end_keys.control.checked ? { end_keys: true } : {});
    go({ view: "people" });
    return "";
  });
  const acts = element(
    "div",
    { class: "acts" },
    confirmButton(text("people.reset_password"), text("people.reset_password_sure"), reset),
    user.totp_enabled && confirmButton(text("people.reset_totp"), text("people.reset_totp_sure"), resetTotp),
    confirmButton(text("people.remove"), text("people.remove_sure"), leave),
  );
  look().catch((error) => form.failed(error));
  return {
    heading: `${user.name} · ${user.email}`,
    node: element("div", { class: "administration" }, form.node, shown, made, acts),
  };
}

/** The keys in force that a user made: they go on when the user is disabled or removed. */
function keysMade(keys) {
  const rows = keys.map(({ name, key_id: id, factory_id: factory, scope }) =>
    element("li", {}, `${name} · fk_${id}_… · ${text(`scopes.${scope}`)} · ${factoryName(factory)}`),
  );
  return [element("p", { class: "quiet" }, text("people.keys_made")), element("ul", {}, ...rows)];
}

/** A choice of role for all factories and for each; `chosen` keeps the roles in factories that are not shown. */
function roleFields(roles) {
  const ids = [EVERYWHERE, ...current().factories.map(({ factory_id: id }) => id)];
  const words = {
    "": text("people.no_role"),
    ...Object.fromEntries(ROLES.map((role) => [role, text(`roles.${role}`)])),
  };
  const fields = Object.fromEntries(
    ids.map((id) => [
      `role ${id}`,
      choiceField(text("people.role_in", { factory: factoryName(id) }), words, roles[id] ?? "", { name: `role-${id}` }),
    ]),
  );
  const chosen = () => {
    const now = { ...roles, ...Object.fromEntries(ids.map((id) => [id, fields[`role ${id}`].control.value])) };
    return Object.fromEntries(Object.entries(now).filter(([, role]) => role));
  };
  return { fields, chosen };
}

/** What each view is given. A view sees nothing else but its model, the texts of its language, and the assets. */

/** The app that asked for the sign-in, as far as a page may name it. */
export interface AppModel {
  name: string;
  /** Where `Start again` leads: the app's own start of a sign-in, when it has registered one. */
  startUrl?: string;
}

/** A page that runs a ceremony: `data-ceremony`, `data-action` and `data-options` come from here. */
export interface CeremonyModel {
  ceremony: "authentication" | "registration";
  action: string;
  /** `PublicKeyCredentialRequestOptionsJSON` or `PublicKeyCredentialCreationOptionsJSON`. */
  options: object;
}

export interface PasskeyModel {
  id: string;
  name: string;
  /** The provider's name by AAGUID, when known. */
  provider?: string;
  /** True when the provider's name is only what the device said of itself. */
  reported: boolean;
  synced: boolean;
  /** On which way it came: `account.added_by.<way>` in the texts. */
  addedBy?: string;
  /** ISO date. */
  created: string;
  lastUsed?: string;
}

/** Who the owner is. */
export interface ProfileModel {
  name: string;
  username: string;
  email?: string;
  emailVerified: boolean;
  /** There is mail to prove an address by. */
  mayChangeEmail: boolean;
  /** An address that is still to be proved. */
  waitingEmail?: string;
  /** When the account will be deleted; ISO. */
  deletedAt?: string;
}

/** What the owner's page says once, after something was done: `account.notice.<notice>` in the texts. */
export type AccountNotice =
  | "passkey_added"
  | "passkey_renamed"
  | "passkey_removed"
  | "session_ended"
  | "sessions_ended"
  | "app_disconnected"
  | "recovery_undone"
  | "name_changed"
  | "email_changed"
  | "deletion_scheduled"
  | "deletion_cancelled";

/** `signalAllAcceptedCredentials` and `signalCurrentUserDetails` (WebAuthn Level 3, section 5.1.10). */
export interface SignalsModel {
  rpId: string;
  userId: string;
  allAcceptedCredentialIds: string[];
  name: string;
  displayName: string;
}

/** Where somebody is signed in. Times are ISO. */
export interface SessionModel {
  id: string;
  /** The browser's name and its system's. */
  browser?: string;
  started: string;
  seen: string;
  /** This very browser. */
  current: boolean;
}

export interface ConnectedAppModel {
  id: string;
  name: string;
  scopes: string[];
  since?: string;
}

/** An app on the portal. */
export interface LaunchModel {
  name: string;
  /** What stands in the place of a picture: the first letters of its name. */
  initials: string;
  /** Where it leads, for whoever wonders. */
  host: string;
  launchUrl: string;
}

/** Something that happened: `activity.<what>` in the texts. */
export interface ActivityModel {
  what: string;
  /** ISO. */
  at: string;
  about?: string;
  address?: string;
  browser?: string;
}

/** What only a fresh proof does: `confirm.<purpose>` in the texts. */
export type SensitivePurpose =
  | "end_sessions"
  | "change_email"
  | "export_data"
  | "delete_account"
  | "add_passkey"
  | "remove_passkey"
  | "remove_password"
  | "create_codes"
  | "renew_codes"
  | "undo_recovery";

/**
 * Which further passkey the page leads to: a `second` one, while one device stands between the owner and the account, or
 * one `here`, after a sign-in with that of another device.
 */
export type CoachModel = "second" | "here";

/** Recovery codes: how many are left, and when they were made. */
export interface RecoveryCodesModel {
  left: number;
  created?: string;
}

/** A recovery that can still be undone: how it was done and when, from when on it counts, and until when it can go. */
export interface RepairModel {
  by: "code" | "pass" | "email";
  since: string;
  starts?: string;
  until: string;
  /** Whether a passkey is at hand that was there before. */
  mayUndo: boolean;
}

/** A legacy password: still there, or when it went. */
export type PasswordModel = { state: "open" } | { state: "closed"; since: string };

/** What would do in the password's place. */
export type MissingWay = "passkey" | "other_passkey" | "recovery_codes";

/** A claim the demo app received, with where it came from and the key of its explanation in the texts. */
export interface ClaimModel {
  name: string;
  value: string;
  source: "id_token" | "userinfo";
}

export interface ViewModels {
  /** Heading `Sign in`. Conditional mediation starts on load. */
  signin: CeremonyModel & {
    app?: AppModel;
    signUpUrl?: string;
    /** While passwords sign in: where one is posted. */
    passwordUrl?: string;
    recoverUrl: string;
    loginHint?: string;
  };
  /** Heading `Create your account`; also the first owner's page (`setup`). `over` names who is signed in now. */
  create: CeremonyModel & {
    app?: AppModel;
    setup: boolean;
    signInUrl?: string;
    over?: string;
    name?: string;
    email?: string;
  };
  /**
   * Heading `Allow access?`. The script posts `{ decision: "allow" | "cancel" }` as JSON and goes to the answer's
   * `location`, so that `form-action` does not see the app's redirects; without a script it is a plain form.
   */
  consent: { app: AppModel; action: string; account: string; scopes: string[] };
  account: {
    account: ProfileModel;
    passkeys: PasskeyModel[];
    coach?: CoachModel;
    /** What the browser's password manager is told. */
    signals: SignalsModel;
    sessions: SessionModel[];
    /** Absent where a host decides about consent by itself. */
    apps?: ConnectedAppModel[];
    activity: ActivityModel[];
    password?: PasswordModel;
    repair?: RepairModel;
    /** Absent where codes open nothing. */
    codes?: RecoveryCodesModel;
    notice?: AccountNotice;
    /** Who somebody is, where he is signed in and what apps hold is a host's own: not changed and not listed here. */
    hosted?: true;
  };
  /** A sensitive action waits for a fresh ceremony; `subject` names what it is about. */
  confirm: CeremonyModel & {
    purpose: SensitivePurpose;
    subject?: string;
    /** The ceremony starts by itself. */
    autostart: boolean;
    /** Absent in the middle of a visit. */
    cancelUrl?: string;
  };
  /** Heading `Create a passkey`: in a sign-in with a legacy password or on the way back in. `notNowUrl` where it may wait. */
  enrol: CeremonyModel & {
    purpose: "conversion" | "recovery" | "invitation";
    app?: AppModel;
    notNowUrl?: string;
    /** What the browser's password manager may be asked to make a passkey with, by itself; `action` takes the answer. */
    conditional?: { action: string; options: object };
    /** At a recovery, the passkeys that may be lost. */
    others?: { id: string; name: string }[];
  };
  /** What proves, besides the password, that this is the owner: a mailed code, or a pass. Posts `{ code }` as JSON. */
  second_proof: { by: "email" | "pass"; action: string; email?: string; app?: AppModel };
  /** Heading `Use your new passkey`: the proof that completes a sitting. */
  prove: CeremonyModel & { app?: AppModel };
  /** Register a further passkey for the account; starts by itself. */
  add_passkey: CeremonyModel & { cancelUrl: string };
  /** What can be done without the passkey at hand; the ladder of recovery joins here. */
  recover: { app?: AppModel; action: string; backUrl: string; mailUrl?: string };
  /** Heading `Check your mail`: a code was mailed, or not, which the page does not say. */
  mailed: { app?: AppModel; action: string; backUrl: string };
  /** Heading `Was this you?`: a passkey that was declared lost has just signed in. Posts `{ decision }`. */
  objection: { app?: AppModel; action: string; passkey: string; since?: string };
  /** The recovery is done, and takes effect later. */
  wait: { app?: AppModel; starts: string; backUrl: string };
  /** Heading `It wasn't you?`: from a notice. What was made since `since` will be suspended; the form posts nothing. */
  undo: { action: string; account: string; since: string; passkeys: string[] };
  /** Heading `Undone`. */
  undone: { recoverUrl: string };
  /** Recovery codes, shown once. */
  recovery_codes: {
    codes: string[];
    fileUrl: string;
    issuer: string;
    /** Where a visit goes on, at the press of the button; the owner's page otherwise. Posts nothing. */
    continueUrl?: string;
  };
  /** Proves an address: by the link's token at the press of a button, or by the code in the mail. */
  verify_email: { email: string; action: string; token?: string; failed: boolean };
  /** "It wasn't me", in the mail to an address that was left. */
  undo_email: { action: string; id: string; token: string; done: boolean };
  /** What we keep about somebody, ready to be downloaded. */
  export_ready: { fileUrl: string; backUrl: string };
  /** Any error: the sentence for people (`texts.error[code]`), the code and the request id. */
  error: { code: string; status: number; detail?: string; requestId: string; app?: AppModel };
  /** Ask before signing out; `form` is the library's own form (id `op.logoutForm`). */
  logout: { form: string; app?: AppModel };
  /** A form of the library that sends itself on; with the button for who has no script. */
  submit: { form: string };
  logged_out: { app?: AppModel };
  /** Heading `Connect a device`; `form` is the library's own (id `op.deviceInputForm`). */
  device: { form: string; problem?: "failed" | "cancelled" | "no_access"; app?: AppModel };
  device_confirm: { form: string; app: AppModel; userCode: string };
  /** Heading `Device connected`. */
  device_done: { app: AppModel };
  /** Why the password cannot go yet; all that is missing is needed, or one of it. */
  password_guard: { missing: MissingWay[]; needs: "all" | "one" };
  /** Heading `Password removed`. */
  password_removed: Record<string, never>;
  /** What is a passkey, in plain words. */
  about: Record<string, never>;
  /** Heading `Your apps`: what this account may open, in the order of their names. */
  apps: { account: string; apps: LaunchModel[] };
  demo: { signInUrl: string };
  demo_claims: { claims: ClaimModel[]; againUrl: string; signOutUrl: string };
}

export type ViewName = keyof ViewModels;

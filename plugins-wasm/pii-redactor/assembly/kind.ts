// The kinds of personal data and secrets, in the order in which they are looked for: an earlier kind keeps what a later one
// would also have taken (the digits in an e-mail address are not a phone number).

/** Names in the configuration and in the annotations. */
export const KIND_NAMES: StaticArray<string> = ["secret", "email", "iban", "card", "ip", "phone"];

/** Names in placeholders. */
export const KIND_LABELS: StaticArray<string> = ["SECRET", "EMAIL", "IBAN", "CARD", "IP", "PHONE"];

export const KIND_SECRET: i32 = 0;
export const KIND_EMAIL: i32 = 1;
export const KIND_IBAN: i32 = 2;
export const KIND_CARD: i32 = 3;
export const KIND_IP: i32 = 4;
export const KIND_PHONE: i32 = 5;

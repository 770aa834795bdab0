import PayamakBridge

/// An Iranian mobile number.
public struct Msisdn: Sendable, Hashable, Redacted {
    /// `09121112222`
    public let national: String
    /// `989121112222`
    public let international: String

    /// Reads a number however it was typed; a bad one is a ``PayamakError`` that says why.
    public init(_ number: String) throws {
        let raw = try calling { try rawMsisdn(number: number) }
        national = raw.national
        international = raw.international
    }

    /// Masked: enough to recognise it, too little to call it.
    public var description: String { "Msisdn(\(national.prefix(4))…\(national.suffix(2)))" }
}

/// The two encodings of an SMS.
public enum SMSEncoding: String, Sendable {
    /// GSM 03.38, seven bits a character: Latin letters, digits and common signs.
    case gsm7
    /// UTF-16 code units: everything else, so every Persian text.
    case ucs2
}

/// Whose figures count the segments.
public enum SegmentProfile: String, Sendable {
    /// GSM 03.38.
    case gsm
    /// The wording of Payam Resan's page.
    case payamResan = "payam-resan"
}

/// What a text needs on the air.
public struct Segments: Sendable, Hashable {
    /// The encoding that the text forces.
    public let encoding: SMSEncoding
    /// GSM-7 septets or UTF-16 code units.
    public let units: Int
    /// How many messages are billed; 0 for an empty text.
    public let segments: Int
    /// Units left in the last segment.
    public let unitsLeft: Int
    /// The characters that are not in GSM-7, each once and in order.
    public let forcedUCS2: [String]
}

/// Counts the segments of a text.
public func segments(_ text: String, profile: SegmentProfile = .gsm) -> Segments {
    let raw = rawSegments(text: text, payamResan: profile == .payamResan)
    return Segments(
        encoding: SMSEncoding(rawValue: raw.encoding) ?? .ucs2,
        units: Int(raw.units),
        segments: Int(raw.segments),
        unitsLeft: Int(raw.unitsLeft),
        forcedUCS2: raw.forcedUcs2
    )
}

/// What a key names. The same key of another kind is another message.
public struct KeyKind: RawRepresentable, Sendable, Hashable {
    /// The name that every language shares.
    public let rawValue: String

    /// The kind of that name. One that there is not is refused where it is used.
    public init(rawValue: String) { self.rawValue = rawValue }

    /// One message: ``Message/key``, or the key of a send to one recipient.
    public static let single = KeyKind(rawValue: "single")
    /// One message of a list whose send has a key, however short the list is.
    public static let listMember = KeyKind(rawValue: "list_member")
}

/// The trace id of a key: the same kind, key and recipient give the same id in every process and every language, and another
/// recipient gives another. What is wrong with one of them is an error of the kind `invalidInput` that names it.
///
/// - Parameter secret: That of the messenger (`keySecret`), where it has one.
public func traceIDFromKey(
    _ key: String, to: String, kind: KeyKind = .single, secret: String? = nil
) throws -> Int64 {
    try calling { try rawTraceIdFromKey(key: key, to: to, kind: kind.rawValue, secret: secret) }
}

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

/// The trace id of a key: the same key gives the same id in every process and every language.
public func traceIDFromKey(_ key: String) throws -> Int64 {
    try calling { try rawTraceIdFromKey(key: key) }
}

import PayamakBridge

/// A gateway's code. The set is open: one that no table has is `unknown`, with its number or name kept.
public enum Code: Sendable, Hashable {
    /// A code of the gateway's table.
    case known(code: Int64?, name: String, wireName: String?, text: String?)
    /// A code that no table has. Both are nil where the gateway left it out, or where it could repeat something personal.
    case unknown(code: Int64?, wireName: String?)

    init(_ raw: RawCode) {
        self = raw.name == "unknown"
            ? .unknown(code: raw.number, wireName: raw.wireName)
            : .known(code: raw.number, name: raw.name, wireName: raw.wireName, text: raw.text)
    }

    /// The number on the wire; nil for a code that is only known by name.
    public var code: Int64? {
        switch self {
        case let .known(code, _, _, _), let .unknown(code, _): return code
        }
    }

    /// Our English name in lower snake case; `unknown` for a code that no table has.
    public var name: String {
        switch self {
        case let .known(_, name, _, _): return name
        case .unknown: return "unknown"
        }
    }

    /// The gateway's own name, spelled as the gateway spells it.
    public var wireName: String? {
        switch self {
        case let .known(_, _, wireName, _), let .unknown(_, wireName): return wireName
        }
    }

    /// The gateway's Persian wording.
    public var text: String? {
        switch self {
        case let .known(_, _, _, text): return text
        case .unknown: return nil
        }
    }
}

/// Where a message is.
public enum DeliveryState: String, Sendable {
    /// Waits for its date.
    case scheduled
    /// Waits at the gateway or at the operator.
    case queued
    /// Left the gateway; no word from the handset (NikSMS never has more).
    case sent
    /// On the handset.
    case delivered
    /// Sent, and not delivered: see the reason.
    case failed
    /// Never left the gateway: mend the cause and send it again.
    case notSent = "not_sent"
    /// The gateway has no such message in this account.
    case notFound = "not_found"
    /// The gateway does not know yet, or said something that no table has.
    case unknown
}

/// Why a message was not delivered.
public enum DeliveryReason: String, Sendable {
    /// The recipient is on the account's blacklist.
    case blacklisted
    /// The recipient opted out of this line.
    case optedOut = "opted_out"
    /// The recipient blocks advertising lines.
    case advertisingBlocked = "advertising_blocked"
    /// The number does not exist, or cannot receive.
    case invalidNumber = "invalid_number"
    /// The text is not allowed.
    case textFiltered = "text_filtered"
    /// The time it was valid for ran out.
    case expired
    /// It was canceled.
    case canceled
    /// The gateway took it for a duplicate.
    case duplicate
    /// The operator refused it.
    case `operator`
    /// The handset was off, busy or out of reach.
    case unreachable
    /// A limit of the account, the line or the hour.
    case limit
    /// Not enough credit.
    case credit
    /// The account or its panel.
    case account
    /// Blocked, for a cause that the gateway does not name.
    case blocked
    /// None of these.
    case other
}

/// A gateway's delivery code together with what it means, the same for every gateway.
public struct DeliveryStatus: Sendable, Hashable {
    /// The gateway's code.
    public let code: Code
    /// Where the message is.
    public let state: DeliveryState
    /// Why it was not delivered, where it was not.
    public let reason: DeliveryReason?
    /// True when asking again will not change the answer.
    public let isFinal: Bool

    init(_ raw: RawDeliveryStatus) {
        code = Code(raw.code)
        state = DeliveryState(rawValue: raw.state) ?? .unknown
        reason = raw.reason.map { DeliveryReason(rawValue: $0) ?? .other }
        isFinal = raw.isFinal
    }
}

import Foundation
import PayamakBridge

/// A recipient of one text, and what its message is known by.
public struct Destination: Sendable, Hashable, Redacted {
    /// The number, however it was typed: Latin, Persian or Arabic digits, with `0`, `98`, `+98` or `0098`.
    public var to: String
    /// The caller's number for the message: without one, nobody can ask after an unclear failure whether it was sent.
    public var traceID: Int64?

    /// A recipient.
    public init(_ to: String, traceID: Int64? = nil) {
        self.to = to
        self.traceID = traceID
    }

    /// Without the number.
    public var description: String { "Destination(traceID: \(shown(traceID)))" }

    var raw: RawDestination { RawDestination(to: to, traceId: traceID) }
}

/// A text of its own for one recipient, for the gateways' own calls. A ``Messenger`` takes ``Message``.
public struct PersonalMessage: Sendable, Hashable, Redacted {
    /// The number, however it was typed.
    public var to: String
    /// What it says.
    public var text: String
    /// The caller's number for the message.
    public var traceID: Int64?
    /// The line, where it is not the client's own setting.
    public var sender: String?

    /// A text for one recipient.
    public init(to: String, text: String, traceID: Int64? = nil, sender: String? = nil) {
        self.to = to
        self.text = text
        self.traceID = traceID
        self.sender = sender
    }

    /// Without number and text.
    public var description: String { "PersonalMessage(traceID: \(shown(traceID)))" }

    var raw: RawPersonalMessage { RawPersonalMessage(to: to, text: text, traceId: traceID, sender: sender) }
}

/// A recipient of a template, with what fills it.
public struct TemplateMessage: Sendable, Hashable, Redacted {
    /// The number, however it was typed.
    public var to: String
    /// `parameters[0]` fills `{1}`; at most 10.
    public var parameters: [String]
    /// The caller's number for the message, for ``PayamResan/sendTokenMulti(_:to:)`` alone: a ``Messenger`` makes its own.
    public var traceID: Int64?

    /// A recipient with what fills the template.
    public init(to: String, parameters: [String], traceID: Int64? = nil) {
        self.to = to
        self.parameters = parameters
        self.traceID = traceID
    }

    /// Without number and parameters: one of them is a one-time password.
    public var description: String { "TemplateMessage(\(parameters.count) parameters, traceID: \(shown(traceID)))" }

    var raw: RawTemplateMessage { RawTemplateMessage(to: to, parameters: parameters, traceId: traceID) }
}

/// One message for a ``Messenger``: to whom, what, and what it is known by.
///
/// ```swift
/// Message(to: "09121112222", text: "سفارش شما ارسال شد", key: "order-981:shipped")
/// ```
public struct Message: Sendable, Redacted {
    /// The number, however it was typed.
    public let to: String
    /// Names the message: one that ran before with the same key is not sent again, and within a program two sends with one
    /// key are one message, even at the same moment. Two processes at the same moment can still both send it. Never let an
    /// outsider choose a whole key: put a prefix of your own before it.
    public let key: String?
    /// A trace id of the caller's own.
    public let traceID: Int64?
    /// Ask for the caller's own trace id before sending, as is always done for a key.
    public let once: Bool
    /// The line, where it is not the gateway's own setting.
    public let sender: String?
    let content: String
    let parameters: [String]?

    /// A text to one recipient.
    public init(
        to: String, text: String, key: String? = nil, traceID: Int64? = nil, once: Bool = false, sender: String? = nil
    ) {
        self.to = to
        self.key = key
        self.traceID = traceID
        self.once = once
        self.sender = sender
        content = text
        parameters = nil
    }

    /// A template of the account to one recipient; `parameters[0]` fills `{1}`.
    public init(
        to: String, template: String, parameters: [String], key: String? = nil, traceID: Int64? = nil,
        once: Bool = false
    ) {
        self.to = to
        self.key = key
        self.traceID = traceID
        self.once = once
        sender = nil
        content = template
        self.parameters = parameters
    }

    /// Without number and text.
    public var description: String { "Message(keyed: \(key != nil), traceID: \(shown(traceID)), once: \(once))" }

    var raw: RawMessage {
        RawMessage(
            to: to, content: content, parameters: parameters, sender: sender, traceId: traceID, key: key, once: once)
    }
}

/// How the sending of one message ended.
public enum SendOutcome: String, Sendable {
    /// The gateway has it, once.
    case accepted
    /// Definitely not sent; the error says why.
    case rejected
    /// It may have been sent, and nobody could find out in time; the error says why.
    case unclear

    init(_ raw: RawSendOutcome) {
        switch raw {
        case .accepted: self = .accepted
        case .rejected: self = .rejected
        case .unclear: self = .unclear
        }
    }

    var raw: RawSendOutcome {
        switch self {
        case .accepted: return .accepted
        case .rejected: return .rejected
        case .unclear: return .unclear
        }
    }
}

/// What became of one message handed over.
public struct Receipt: Sendable, Equatable, Redacted {
    /// To whom, as `09…`; what is no number, as it was given.
    public let to: String
    /// The id it was sent under, whatever the outcome.
    public let traceID: Int64
    /// The gateway that has it, or that was tried last; nil where none was tried.
    public let gateway: String?
    /// The gateway's id, where it gave one.
    public let messageID: Int64?
    /// How it ended.
    public let outcome: SendOutcome
    /// Why it was not accepted.
    public let error: PayamakError?
    /// Not sent by this call: an earlier run, or another call with its key or trace id, had sent it.
    public let replayed: Bool

    init(_ raw: RawReceipt) {
        to = raw.to
        traceID = raw.traceId
        gateway = raw.gateway
        messageID = raw.messageId
        outcome = SendOutcome(raw.outcome)
        error = raw.error.map { PayamakError($0) }
        replayed = raw.replayed
    }

    /// An accepted message as a database kept it, to track it or ask for its delivery in a later process.
    public init(restoring to: String, gateway: String, traceID: Int64, messageID: Int64? = nil) {
        self.init(to, gateway, traceID, messageID, .accepted)
    }

    /// An unclear message as a database kept it, to ask every gateway for it in a later process.
    public init(restoringUnclear to: String, traceID: Int64) {
        self.init(to, nil, traceID, nil, .unclear)
    }

    private init(_ to: String, _ gateway: String?, _ traceID: Int64, _ messageID: Int64?, _ outcome: SendOutcome) {
        self.to = to
        self.traceID = traceID
        self.gateway = gateway
        self.messageID = messageID
        self.outcome = outcome
        error = nil
        replayed = false
    }

    /// Without the number.
    public var description: String {
        "Receipt(traceID: \(traceID), gateway: \(shown(gateway)), messageID: \(shown(messageID)), "
            + "outcome: \(outcome.rawValue), error: \(shown(error?.kind.rawValue))\(replayed ? ", replayed: true" : ""))"
    }

    var ticket: RawTicket {
        RawTicket(to: to, traceId: traceID, gateway: gateway, messageId: messageID, outcome: outcome.raw)
    }
}

/// The receipts of a send, in input order.
public struct Report: RandomAccessCollection, Sendable, Equatable, Redacted {
    private let receipts: [Receipt]

    init(_ receipts: [Receipt]) { self.receipts = receipts }

    /// The first place.
    public var startIndex: Int { receipts.startIndex }
    /// The place after the last.
    public var endIndex: Int { receipts.endIndex }
    /// The receipt of the message that was handed over in this place.
    public subscript(position: Int) -> Receipt { receipts[position] }

    /// Those of messages that a gateway has.
    public var accepted: [Receipt] { filter { $0.outcome == .accepted } }
    /// Those of messages that are certainly not sent.
    public var rejected: [Receipt] { filter { $0.outcome == .rejected } }
    /// Those of messages of which nobody knows.
    public var unclear: [Receipt] { filter { $0.outcome == .unclear } }

    /// Counts.
    public var description: String {
        "Report(accepted: \(accepted.count), rejected: \(rejected.count), unclear: \(unclear.count))"
    }
}

/// How far a send is. What is neither in flight nor decided still waits.
public struct SendProgress: Sendable, Hashable {
    /// The messages of the call.
    public let planned: Int
    /// Those in a request that is under way, or being asked for.
    public let inFlight: Int
    /// Those that a gateway has.
    public let accepted: Int
    /// Those certainly not sent.
    public let rejected: Int
    /// Those of which nobody knows.
    public let unclear: Int

    init(_ raw: RawProgress) {
        planned = Int(raw.planned)
        inFlight = Int(raw.inFlight)
        accepted = Int(raw.accepted)
        rejected = Int(raw.rejected)
        unclear = Int(raw.unclear)
    }
}

/// What is known about the delivery of one message.
public struct DeliveryReport: Sendable, Equatable, Redacted {
    /// The place of its receipt in the list that was asked about.
    public let index: Int
    /// To whom.
    public let to: String
    /// What it was sent under.
    public let traceID: Int64
    /// The gateway that has it.
    public let gateway: String?
    /// The gateway's id.
    public let messageID: Int64?
    /// The status; nil while the gateway has not said anything about it.
    public let status: DeliveryStatus?
    /// Why there is no status, or no newer one.
    public let error: PayamakError?
    /// Tracking only: the deadline passed, and the message is still on its way.
    public let timedOut: Bool

    /// True when asking again will not change the answer.
    public var isFinal: Bool { status?.isFinal == true }

    init(_ raw: RawDeliveryReport, of receipts: [Receipt]) {
        index = Int(raw.index)
        to = raw.to
        traceID = raw.traceId
        gateway = raw.gateway
        messageID = raw.messageId
        status = raw.status.map(DeliveryStatus.init)
        // A receipt keeps the error that it came with; it does not cross the border a second time.
        let receipt = receipts.indices.contains(index) ? receipts[index] : nil
        let kept = receipt?.outcome == .rejected ? receipt?.error : nil
        error = kept ?? raw.error.map { PayamakError($0) }
        timedOut = raw.timedOut
    }

    /// Without the number.
    public var description: String {
        "DeliveryReport(index: \(index), traceID: \(traceID), gateway: \(shown(gateway)), "
            + "state: \(shown(status?.state.rawValue)), error: \(shown(error?.kind.rawValue)), timedOut: \(timedOut))"
    }
}

/// A message that somebody sent to one of the account's lines.
public struct IncomingMessage: Sendable, Hashable, Redacted {
    /// The gateway's id.
    public let messageID: Int64?
    /// What it says.
    public let text: String
    /// Who sent it, as the gateway writes it.
    public let from: String
    /// The line it came to, as the gateway writes it.
    public let to: String
    /// When, as the gateway writes it: neither gateway documents the format or the zone.
    public let time: String?
    /// NikSMS: whether it was relayed to the account's own address.
    public let isRelayed: Bool?

    init(_ raw: RawIncomingMessage) {
        messageID = raw.messageId
        text = raw.text
        from = raw.from
        to = raw.to
        time = raw.time
        isRelayed = raw.isRelayed
    }

    /// Without number and text.
    public var description: String { "IncomingMessage(messageID: \(shown(messageID)), time: \(shown(time)))" }
}

/// A message that somebody sent, with the gateway it came through.
public struct Received: Sendable, Hashable {
    /// The gateway's name.
    public let gateway: String
    /// The message.
    public let message: IncomingMessage
}

/// The account behind a gateway.
public struct Balance: Sendable, Hashable {
    /// The gateway's name.
    public let gateway: String
    /// The credit, in rials.
    public let credit: Double
    /// The account's sender lines.
    public let senderLines: [String]
}

/// A date and time on Tehran's clocks, for messages that go out later and for ranges of an inbox.
public struct TehranTime: Sendable, Hashable, CustomStringConvertible {
    /// As it was written.
    public let description: String

    /// `2026-12-01T08:30`, with or without seconds; one with an offset (`2026-12-01T05:00Z`) is moved to Tehran.
    public init(_ text: String) { description = text }

    /// That moment.
    public init(_ date: Date) { description = ISO8601DateFormatter().string(from: date) }
}

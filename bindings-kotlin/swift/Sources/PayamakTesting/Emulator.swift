import Foundation
import PayamakTestingBridge

/// Both gateways on loopback, for tests and first runs: no account, no network, no message to anybody.
///
/// ```swift
/// let emulator = try Emulator()
/// let gateway = try PayamResan(
///     apiKey: Emulator.payamResanKey, sender: "30004040", settings: .init(baseURL: emulator.payamResanURL))
/// try emulator.addFault(Fault(.close, when: .after)) // registered, but nobody is told
/// let report = try await Messenger([gateway]).send("سلام", to: "09121112222")
/// assert(emulator.registrations(report[0].traceID) == 1) // sent once all the same
/// ```
public final class Emulator: Sendable {
    private let emulator: RawEmulator
    private let addresses: RawAddresses
    private static let credentials = rawEmulatorCredentials()

    /// Starts one on a free port of 127.0.0.1.
    ///
    /// - Parameters:
    ///   - replay: A folder of conformance cases to serve, too.
    ///   - speed: Emulated seconds in a real second. At 0 time moves by ``advance(_:)`` alone.
    ///   - pollingRule: How many emulated seconds have to pass between two questions about one message; off unless given.
    ///   - pollingRuleForUnknownIDs: Whether that rule holds for ids that no message has, too.
    ///   - lookupLag: How many emulated seconds pass before a lookup finds a registered message; none unless given.
    public init(
        replay: String? = nil, speed: Double = 1, pollingRule: TimeInterval? = nil, pollingRuleForUnknownIDs: Bool = false,
        lookupLag: TimeInterval? = nil
    ) throws {
        emulator = try RawEmulator(
            replay: replay, speed: speed, pollingRule: pollingRule, pollingRuleForUnknownIds: pollingRuleForUnknownIDs,
            lookupLag: lookupLag)
        addresses = emulator.addresses()
    }

    deinit { emulator.shutdown() }

    /// The demo account's Payam Resan key.
    public static var payamResanKey: String { credentials.payamResanKey }
    /// The demo account's NikSMS user name.
    public static var nikSmsUsername: String { credentials.niksmsUsername }
    /// The demo account's NikSMS password.
    public static var nikSmsPassword: String { credentials.niksmsPassword }
    /// The demo account's key for NikSMS's dialect `web-service`.
    public static var nikSmsKey: String { credentials.niksmsKey }

    /// The origin, without a slash at the end.
    public var url: String { addresses.origin }
    /// The base address of Payam Resan.
    public var payamResanURL: String { addresses.payamResan }
    /// The base address of Payam Resan's own sandbox.
    public var payamResanSandboxURL: String { addresses.payamResanSandbox }
    /// The address of NikSMS's dialect `soap`.
    public var nikSmsSoapURL: String { addresses.niksmsSoap }
    /// The base address of NikSMS's dialect `public-api`.
    public var nikSmsPublicAPIURL: String { addresses.niksmsPublicApi }
    /// The base address of NikSMS's dialect `v2`.
    public var nikSmsV2URL: String { addresses.niksmsV2 }
    /// The base address of NikSMS's dialect `web-service`.
    public var nikSmsWebServiceURL: String { addresses.niksmsWebService }

    /// Every registered message of both gateways, in the order of registering.
    public var messages: [RegisteredMessage] { emulator.messages().map(RegisteredMessage.init) }
    /// How many messages are registered.
    public var messageCount: Int { Int(emulator.messageCount()) }
    /// How many requests came to the gateways.
    public var requestCount: Int { Int(emulator.requestCount()) }
    /// The operations that were asked for, in order, named as in the URL or the `SOAPAction`.
    public var operations: [String] { emulator.operations() }
    /// How many faults are not used up.
    public var pendingFaultCount: Int { Int(emulator.pendingFaultCount()) }
    /// The names of the cases it replays, sorted.
    public var replayCases: [String] { emulator.replayCases() }

    /// How many messages are registered with this trace id. More than one means that somebody got the message twice.
    public func registrations(_ traceID: Int64) -> Int { Int(emulator.registrations(traceId: traceID)) }

    /// Adds a fault behind those to come.
    public func addFault(_ fault: Fault) throws { try addFaults(json: fault.json) }

    /// Adds faults in the emulator's own JSON: one, or a list.
    public func addFaults(json: String) throws { try emulator.addFaults(json: json) }

    /// Forgets messages, requests and faults, and gives the credit back.
    public func clear() { emulator.clear() }

    /// From now on both gateways refuse every request with a message that contains this word. Words add up.
    public func refuseText(_ word: String) { emulator.refuseText(word: word) }

    /// From now on both gateways refuse every request with a message to this number. Numbers add up.
    public func refuseNumber(_ number: String) throws { try emulator.refuseNumber(number: number) }

    /// Moves emulated time forward by so many seconds: statuses move, and requests that wait for their moment are carried out.
    public func advance(_ seconds: TimeInterval) throws { try emulator.advance(seconds: seconds) }

    /// Fixes the status of a message. False if no message has this id.
    public func setStatus(_ id: Int64, code: Int32) -> Bool { emulator.setStatus(id: id, code: code) }

    /// Puts a message from a phone into the inbox of the gateway that has the line, and gives its id.
    @discardableResult
    public func receive(from: String, to: String, text: String) throws -> Int64 {
        try emulator.receive(from: from, to: to, text: text)
    }

    /// Sets the credit of both accounts.
    public func setCredit(_ credit: Int64) { emulator.setCredit(credit: credit) }

    /// The base address under which a case is replayed.
    public func replayURL(_ name: String) -> String { emulator.replayUrl(name: name) }

    /// How a case has gone so far.
    public func replayVerdict(_ name: String) -> Verdict {
        let verdict = emulator.replayVerdict(name: name)
        return Verdict(complete: verdict.complete, mismatches: verdict.mismatches)
    }

    /// Starts a case again. False if it is not there.
    @discardableResult
    public func replayReset(_ name: String) -> Bool { emulator.replayReset(name: name) }

    /// Stops it: when this returns, nothing listens any more.
    public func shutdown() { emulator.shutdown() }
}

/// What goes wrong, for which requests, and how often. Of several faults the first that matches and is not used up fires.
public struct Fault: Sendable {
    /// What happens to a request that a fault hits.
    public enum Then: Sendable, Hashable {
        /// No answer, on a connection that stays open.
        case never
        /// The connection closed without a byte.
        case close
        /// Half of the real answer.
        case half
        /// 200 with bytes that are neither JSON nor XML.
        case garbage
        /// 200 with an HTML page.
        case html
        /// The right answer without the last half of its rows.
        case dropRows
        /// The right answer with its rows in reverse order.
        case shuffleRows
        /// The right answer, a success, without a single row.
        case noRows
        /// The right answer with every id in it as a double holds it: many of them are another's, or nobody's.
        case roundIDs
        /// The right answer with one row too many, before the others: its id belongs to nobody.
        case extraRow
        /// The answer of a lookup in which every row says "not found" beside an id that says the opposite.
        case contradictRows
        /// The connection closed; the messages are registered only after one look has not found them.
        case late
        /// This HTTP status, with an HTML page.
        case status(Int)
        /// This HTTP status, with the JSON of a proxy in front of the gateway.
        case statusJSON(Int)
        /// The gateway's own refusal with this number.
        case code(Int)
        /// The first half of a batch is registered, and the whole request is refused with this number.
        case halfTaken(Int)
        /// The right answer, so many milliseconds later.
        case delay(milliseconds: Int)

        var json: String {
            switch self {
            case .never: return "\"never\""
            case .close: return "\"close\""
            case .half: return "\"half\""
            case .garbage: return "\"garbage\""
            case .html: return "\"html\""
            case .dropRows: return "\"drop_rows\""
            case .shuffleRows: return "\"shuffle_rows\""
            case .noRows: return "\"no_rows\""
            case .roundIDs: return "\"round_ids\""
            case .extraRow: return "\"extra_row\""
            case .contradictRows: return "\"contradict_rows\""
            case .late: return "\"late\""
            case let .status(status): return "{\"status\":\(status)}"
            case let .statusJSON(status): return "{\"status_json\":\(status)}"
            case let .code(code): return "{\"code\":\(code)}"
            case let .halfTaken(code): return "{\"half_taken\":\(code)}"
            case let .delay(milliseconds): return "{\"delay_ms\":\(milliseconds)}"
            }
        }
    }

    /// Whether, and when, the gateway carries the request out.
    public enum When: Sendable, Hashable {
        /// Nothing is registered, charged or handed out.
        case before
        /// The request is carried out, then the fault happens.
        case after
        /// The fault happens at once, and the request is carried out so many emulated milliseconds later, whoever has given
        /// it up.
        case later(milliseconds: Int)

        var json: String {
            switch self {
            case .before: return "\"before\""
            case .after: return "\"after\""
            case let .later(milliseconds): return "{\"later_ms\":\(milliseconds)}"
            }
        }
    }

    /// What happens.
    public let then: Then
    let json: String

    /// A fault.
    ///
    /// - Parameters:
    ///   - then: What happens.
    ///   - operations: `send`, `lookup`, `any`, or one operation named as in the URL or the `SOAPAction`.
    ///   - skip: How many matching requests pass first.
    ///   - times: How many it hits; nil is for ever.
    ///   - when: Whether, and when, the request is carried out.
    public init(_ then: Then, operations: String = "send", skip: Int = 0, times: Int? = 1, when: When = .before) {
        precondition(
            operations.allSatisfy { $0.isLetter || $0.isNumber || $0 == "/" },
            "an operation's name has letters and slashes only")
        self.then = then
        let hits = times.map(String.init) ?? "null"
        json =
            "{\"operations\":\"\(operations)\",\"skip\":\(skip),\"times\":\(hits),\"when\":\(when.json),"
            + "\"then\":\(then.json)}"
    }
}

/// A message as a gateway registered it.
public struct RegisteredMessage: Sendable, CustomStringConvertible {
    /// `payam-resan` or `niksms`.
    public let gateway: String
    /// The gateway's id.
    public let id: Int64
    /// The client's own id, if it gave one.
    public let traceID: Int64?
    /// The recipient, as `09…`.
    public let to: String
    /// The sender line.
    public let sender: String
    /// The text as the phone shows it.
    public let text: String
    /// The template's key, if it came by one.
    public let template: String?
    /// The gateway's status code now.
    public let status: Int32

    init(_ raw: RawRegisteredMessage) {
        gateway = raw.gateway
        id = raw.id
        traceID = raw.traceId
        to = raw.to
        sender = raw.sender
        text = raw.text
        template = raw.template
        status = raw.status
    }

    /// Without number and text.
    public var description: String { "RegisteredMessage(gateway: \(gateway), id: \(id), status: \(status))" }
}

/// How a replayed case has gone.
public struct Verdict: Sendable, Hashable {
    /// Whether every request of the exchange has arrived.
    public let complete: Bool
    /// What arrived otherwise than the case says, or beyond it.
    public let mismatches: [String]
}

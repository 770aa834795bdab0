import Foundation
import PayamakBridge

/// A client of Payam Resan's V3: one method an operation of the protocol, nothing hidden and no send repeated.
///
/// Make one and share it between tasks. A task that is cancelled cuts its request off and throws `CancellationError`; a
/// message of that request may have gone out all the same. ``withTimeout(_:)`` gives a deadline instead.
///
/// ```swift
/// let gateway = try PayamResan(apiKey: "…", sender: "30004040")
/// let sent = try await gateway.sendBulk("سلام", to: [Destination("09121112222", traceID: 981)])
/// ```
public final class PayamResan: Gateway, @unchecked Sendable {
    private let client: RawPayamResan

    /// The client; an error of the kind `configuration` names the setting that is missing or wrong. With
    /// ``GatewaySettings/fromEnvironment`` what is not given comes from `PAYAM_RESAN_API_KEY` and `PAYAM_RESAN_SENDER`.
    public convenience init(
        apiKey: String? = nil, sender: String? = nil, sandbox: Bool = false, settings: GatewaySettings = .init()
    ) throws {
        self.init(
            client: try calling {
                try RawPayamResan(apiKey: apiKey, sender: sender, sandbox: sandbox, settings: settings.raw)
            })
    }

    private init(client: RawPayamResan) {
        self.client = client
        super.init(.first(client: client))
    }

    /// The same client, on the same connections, with another time limit a request.
    public func withTimeout(_ seconds: TimeInterval) throws -> PayamResan {
        PayamResan(client: try calling { try client.withTimeout(seconds: seconds) })
    }

    /// One text to up to 99 recipients, by `GET Send`, as a last resort: the key and the text stand in the address, so in the
    /// access logs of whoever is on the way, and in memory until it is overwritten. ``sendBulk(_:to:sender:)`` does the same by
    /// POST, and takes trace ids.
    public func send(_ text: String, to recipients: [String], sender: String? = nil) async throws -> [Sent] {
        try await ask(.send(text: text, recipients: recipients, sender: sender)).sent.map(Sent.init)
    }

    /// One text to up to 99 recipients, each with a trace id (`POST SendBulk`).
    public func sendBulk(_ text: String, to recipients: [Destination], sender: String? = nil) async throws -> [Sent] {
        try await ask(.sendBulk(text: text, recipients: recipients.map(\.raw), sender: sender)).sent.map(Sent.init)
    }

    /// A text, a line and a trace id each, up to 99 (`POST SendMultiple`).
    public func sendMultiple(_ messages: [PersonalMessage]) async throws -> [Sent] {
        try await ask(.sendMultiple(messages: messages.map(\.raw))).sent.map(Sent.init)
    }

    /// A template to one recipient, without a trace id: after an unclear failure nobody can ask whether it was sent.
    /// ``sendTokenMulti(_:to:)`` with one recipient can be asked for. `byGet` is a last resort: the key and the one-time password
    /// then stand in the address, so in the access logs of whoever is on the way, and in memory until it is overwritten.
    public func sendTokenSingle(
        _ template: String, to: String, parameters: [String], byGet: Bool = false
    ) async throws -> [TemplateSent] {
        try await ask(.sendTokenSingle(template: template, to: to, parameters: parameters, byGet: byGet))
            .sent.map(TemplateSent.init)
    }

    /// A template to up to 99 recipients, parameters and a trace id each (`POST SendTokenMulti`).
    public func sendTokenMulti(_ template: String, to recipients: [TemplateMessage]) async throws -> [TemplateSent] {
        try await ask(.sendTokenMulti(template: template, recipients: recipients.map(\.raw)))
            .sent.map(TemplateSent.init)
    }

    /// The account's templates (`POST TokenList`).
    public func tokenList() async throws -> [Template] {
        try await ask(.tokenList).templates.map(Template.init)
    }

    /// What became of up to 99 messages, by the gateway's ids (`POST StatusById`). Every few minutes an id at most, or the
    /// gateway answers with error 20.
    public func statusById(_ ids: [Int64]) async throws -> [MessageStatus] {
        try await ask(.statusById(ids: ids)).statuses
    }

    /// What became of up to 99 messages, by the caller's trace ids.
    public func statusByTraceId(_ traceIDs: [Int64]) async throws -> [MessageStatus] {
        try await ask(.statusByTraceId(ids: traceIDs)).statuses
    }

    /// The account's credit and lines (`POST AccountInfo`).
    public func accountInfo() async throws -> AccountInfo {
        try await ask(.accountInfo).account
    }

    /// The incoming messages (`POST GetInbox`). Each is handed out once: what is fetched and then lost is lost for good, so
    /// this call is never repeated, and a failure after the request may have left has the outcome `unclear`.
    public func getInbox() async throws -> [IncomingMessage] {
        try await ask(.getInbox).incoming.map(IncomingMessage.init)
    }

    /// An operation that this client has no method for: `fields`, a JSON object, goes out beside the key, and the `Result`
    /// comes back as JSON. It is taken as one that may have sent something. A path that leads elsewhere, and a field that the
    /// client sets itself, are an error of the kind `invalidInput`.
    public func raw(_ path: String, fields: String = "{}") async throws -> String {
        try await ask(.raw(path: path, fields: fields)).text ?? ""
    }

    private func ask(_ what: RawPayamResanCall) async throws -> RawAnswer {
        try await calling { cancel in try await client.ask(what: what, cancel: cancel) }
    }
}

/// A message that the gateway has taken.
public struct Sent: Sendable, Hashable {
    /// The gateway's id.
    public let messageID: Int64?
    /// The caller's trace id, as the gateway repeats it.
    public let traceID: Int64?

    init(_ raw: RawSent) {
        messageID = raw.messageId
        traceID = raw.traceId
    }
}

/// A message that the gateway has made of a template.
public struct TemplateSent: Sendable, Hashable, Redacted {
    /// The gateway's id.
    public let messageID: Int64?
    /// The caller's trace id, as the gateway repeats it.
    public let traceID: Int64?
    /// The line that the gateway chose.
    public let sender: String?
    /// The text that went out.
    public let text: String?

    init(_ raw: RawSent) {
        messageID = raw.messageId
        traceID = raw.traceId
        sender = raw.sender
        text = raw.text
    }

    /// Without the text.
    public var description: String { "TemplateSent(messageID: \(shown(messageID)), traceID: \(shown(traceID)))" }
}

/// A template of the account.
public struct Template: Sendable, Hashable {
    /// What it is sent by.
    public let key: String
    /// The text, with `{1}` to `{10}`.
    public let text: String?
    /// The wording of a voice call.
    public let voice: String?
    /// Only an approved one can be sent.
    public let status: Code

    init(_ raw: RawTemplate) {
        key = raw.key
        text = raw.text
        voice = raw.voice
        status = Code(raw.status)
    }
}

/// What became of a message.
public struct MessageStatus: Sendable, Hashable {
    /// The gateway's id; nil where it has no such message.
    public let messageID: Int64?
    /// The caller's trace id, where the gateway repeats it.
    public let traceID: Int64?
    /// The status.
    public let status: DeliveryStatus

    init(_ raw: RawStatusRow, _ status: DeliveryStatus) {
        messageID = raw.messageId
        traceID = raw.traceId
        self.status = status
    }
}

/// The account's credit and lines.
public struct AccountInfo: Sendable, Hashable {
    /// The credit, in rials.
    public let credit: Double
    /// The lines that the account may send from.
    public let senderLines: [String]
}

import Foundation
import PayamakBridge

/// Which gateways are asked for a message with a key before it is sent.
public enum AskPolicy: String, Sendable, CaseIterable {
    /// Every gateway that an earlier run could have used. While one of them cannot be asked, such a message is not sent.
    case every
    /// The first one that can be asked. A message that an earlier run sent by another gateway can go out a second time.
    case first
}

/// Sends messages safely, and follows them until they are delivered.
///
/// Every message handed over ends in exactly one known outcome, and nothing is sent twice: a request whose fate is unclear is
/// asked for by trace id, and only what the gateway certainly does not have is sent again, or by the next gateway.
///
/// Make one and share it between tasks.
///
/// ```swift
/// let messenger = try Messenger([PayamResan(apiKey: "…", sender: "30004040")])
/// let report = try await messenger.send("سفارش شما ارسال شد", to: "09121112222", key: "order-981:shipped")
/// print(report.accepted.count, "accepted,", report.unclear.count, "unclear")
/// ```
///
/// A key keeps a message from going out twice within this process, and from one run to the next. Two processes that send with
/// one key at the same moment can both send it.
///
/// Every send takes a `deadline` in seconds (a day at most). The call returns by then with a report: what may have been sent
/// and is not decided is unclear, what has not left is rejected, both with an error of the kind `timeout`.
///
/// Cancelling the task of a send starts no request any more and cuts off those under way. The send then throws a
/// ``PayamakError`` of the kind `canceled`, whose receipts say what had become of each message.
public final class Messenger: Sendable {
    private let messenger: RawMessenger

    /// Sends by these gateways: the first is the one that is used, the others take what those before them certainly did not.
    ///
    /// - Parameters:
    ///   - concurrency: How many requests are in flight at once, a gateway; 10 unless set.
    ///   - rate: How many requests leave in a second, a gateway; as many as can be unless set.
    ///   - attempts: How often one message is put into a request, at most, when its fate was unclear or another gateway waits;
    ///     4 unless set.
    ///   - budget: How many seconds trouble may last in one call, from its first failure on until something goes well again;
    ///     60 unless set, and no shorter than `settle`. It bounds the trouble; `deadline` bounds the call.
    ///   - settle: How many seconds a request whose connection broke is given to land before "I do not have it" is believed;
    ///     5 unless set. One that lands later can be sent twice, where the gateway takes a second message of one trace id.
    ///   - resend: Whether a message whose answer was lost, and which the gateway does not have, is sent again; true unless
    ///     set. Without it such a message stays unclear.
    ///   - ask: Which gateways are asked for a message with a key before it is sent; every one unless set.
    ///   - deadline: How many seconds a send may take that sets no deadline of its own; without a limit unless set.
    ///   - keySecret: The secret that trace ids are derived from keys with, so that nobody who chooses a key can aim it at the
    ///     id of another one; `PAYAMAK_KEY_SECRET` of the environment unless set. Another secret makes every key a new one:
    ///     the same in all processes, and no change while keys are in use.
    public init(
        _ gateways: [Gateway], concurrency: UInt32? = nil, rate: UInt32? = nil, attempts: UInt32? = nil,
        budget: TimeInterval? = nil, settle: TimeInterval? = nil, resend: Bool? = nil, ask: AskPolicy? = nil,
        deadline: TimeInterval? = nil, keySecret: String? = nil
    ) throws {
        let settings = RawMessengerSettings(
            concurrency: concurrency, rate: rate, attempts: attempts, budget: budget, settle: settle, resend: resend,
            ask: ask?.rawValue, deadline: deadline)
        messenger = try calling {
            try RawMessenger(gateways: gateways.map(\.raw), settings: settings, keySecret: keySecret)
        }
    }

    /// One text to one recipient.
    ///
    /// - Parameters:
    ///   - key: Names the message, so that a job that crashed and runs again sends nothing twice; see ``Message/key``.
    ///   - deadline: After how many seconds the call returns at the latest; the messenger's own unless given.
    ///   - sender: The line, where it is not the gateway's own setting.
    ///   - once: Ask for the message before it is sent. A key asks by itself; without one there is nothing to ask by, and the
    ///     message is refused.
    ///   - log: A look at the receipts from outside.
    ///   - onProgress: Called whenever counts have changed, on a thread of the library: it must return at once.
    public func send(
        _ text: String, to: String, key: String? = nil, deadline: TimeInterval? = nil, sender: String? = nil,
        once: Bool = false, log: SendLog? = nil, onProgress: (@Sendable (SendProgress) -> Void)? = nil
    ) async throws -> Report {
        try await run(
            RawSend(
                what: .toOne(text: text, to: to), key: key, sender: sender, once: once, deadline: deadline,
                listener: onProgress.map(Listener.init)),
            log: log)
    }

    /// One text to any number of recipients.
    ///
    /// - Parameters:
    ///   - key: Names the campaign; each message is known by it and its recipient, so that the list may grow between two runs.
    ///   - deadline: After how many seconds the call returns at the latest; the messenger's own unless given.
    ///   - sender: The line, where it is not the gateway's own setting.
    ///   - once: Ask for the messages before they are sent. A key asks by itself; without one they are refused.
    public func send(
        _ text: String, to: [String], key: String? = nil, deadline: TimeInterval? = nil, sender: String? = nil,
        once: Bool = false, log: SendLog? = nil, onProgress: (@Sendable (SendProgress) -> Void)? = nil
    ) async throws -> Report {
        try await run(
            RawSend(
                what: .toMany(text: text, to: to), key: key, sender: sender, once: once, deadline: deadline,
                listener: onProgress.map(Listener.init)),
            log: log)
    }

    /// Messages with a text (and a line, and a key or a trace id) each.
    ///
    /// - Parameters:
    ///   - key: Names those that have neither a key nor a trace id of their own, each by this key and its recipient.
    ///   - deadline: After how many seconds the call returns at the latest; the messenger's own unless given.
    ///   - sender: The line of those that name none.
    ///   - once: Ask for all of them before they are sent; each needs a key or a trace id.
    public func sendEach(
        _ messages: [Message], key: String? = nil, deadline: TimeInterval? = nil, sender: String? = nil,
        once: Bool = false, log: SendLog? = nil, onProgress: (@Sendable (SendProgress) -> Void)? = nil
    ) async throws -> Report {
        try await run(
            RawSend(
                what: .each(messages: messages.map(\.raw)), key: key, sender: sender, once: once, deadline: deadline,
                listener: onProgress.map(Listener.init)),
            log: log)
    }

    /// A template to any number of recipients, with parameters each, by the first gateway that has templates. The messenger
    /// makes the trace ids; for those of your own see ``Message/init(to:template:parameters:key:traceID:once:)``.
    ///
    /// - Parameters:
    ///   - key: Names the call; each message is known by it and its recipient.
    ///   - deadline: After how many seconds the call returns at the latest; the messenger's own unless given.
    ///   - sender: No gateway takes a line for a template, so a message with one is refused by name.
    ///   - once: Ask for the messages before they are sent. A key asks by itself; without one they are refused.
    public func sendTemplate(
        _ template: String, to recipients: [TemplateMessage], key: String? = nil, deadline: TimeInterval? = nil,
        sender: String? = nil, once: Bool = false, log: SendLog? = nil,
        onProgress: (@Sendable (SendProgress) -> Void)? = nil
    ) async throws -> Report {
        try await run(
            RawSend(
                what: .template(template: template, recipients: recipients.map(\.raw)), key: key, sender: sender, once: once,
                deadline: deadline, listener: onProgress.map(Listener.init)),
            log: log)
    }

    /// What became of messages, asked for once: a report each, in the order of the receipts. A gateway that could not be
    /// asked stands as an error in the reports of its messages.
    public func delivery(_ receipts: [Receipt]) async throws -> [DeliveryReport] {
        try await calling { cancel in
            try await messenger.delivery(receipts: receipts.map(\.ticket), cancel: cancel)
        }.map { DeliveryReport($0, of: receipts) }
    }

    /// Follows messages until each is final or the deadline passes: a report whenever a status, or what stands in the way of
    /// one, has changed. An unclear receipt without a gateway is asked for at every one.
    ///
    /// - Parameters:
    ///   - firstLook: How many seconds after the start the first look is; 15 unless set.
    ///   - interval: How many seconds to leave between two looks at one message, instead of each gateway's own rule; not zero.
    ///   - deadline: How many seconds to track at most; a day unless set.
    public func track(
        _ receipts: [Receipt], firstLook: TimeInterval? = nil, interval: TimeInterval? = nil,
        deadline: TimeInterval? = nil
    ) -> AsyncThrowingStream<DeliveryReport, Error> {
        let tracking = Result {
            try calling {
                try messenger.track(
                    receipts: receipts.map(\.ticket), firstLook: firstLook, interval: interval, deadline: deadline)
            }
        }
        return AsyncThrowingStream {
            let tracking = try tracking.get()
            let next = try await calling(stop: { tracking.cancel() }) { try await tracking.next() }
            return next.map { DeliveryReport($0, of: receipts) }
        }
    }

    /// Incoming messages, each handed out once, from all gateways that have an inbox; asks every `interval` seconds until the
    /// task that reads it is cancelled.
    ///
    /// A failure is an item, and the stream goes on; one with the outcome `unclear` may have taken messages out of the inbox
    /// that did not arrive here. What one question has brought comes one by one: where a reader stops in between, the rest comes
    /// first when this messenger receives again.
    public func receive(every interval: TimeInterval = 60)
        -> AsyncThrowingStream<Result<Received, PayamakError>, Error>
    {
        let receiving = Result { try calling { try messenger.receive(interval: interval) } }
        return AsyncThrowingStream {
            let receiving = try receiving.get()
            let next = try await calling(stop: { receiving.cancel() }) { try await receiving.next() }
            return next.flatMap { item in
                if let message = item.incoming {
                    return .success(Received(gateway: item.gateway ?? "", message: IncomingMessage(message)))
                }
                return item.error.map { .failure(PayamakError($0)) }
            }
        }
    }

    /// The credit and the lines of each gateway, in their order; one that cannot be asked is a failure in its place.
    public func balance() async throws -> [Result<Balance, PayamakError>] {
        try await calling { cancel in try await messenger.balance(cancel: cancel) }.map { raw in
            if let error = raw.error { return .failure(PayamakError(error)) }
            return .success(Balance(gateway: raw.gateway ?? "", credit: raw.credit, senderLines: raw.senderLines))
        }
    }

    private func run(_ send: RawSend, log: SendLog?) async throws -> Report {
        let sending = messenger.send(send: send)
        try log?.attach(sending)
        defer { log?.detach() }
        let receipts = try await calling(stop: { sending.cancel() }) { try await sending.finish() }
        return Report(receipts.map(Receipt.init))
    }
}

/// Hands the counts on to a closure.
private final class Listener: RawProgressListener {
    private let notify: @Sendable (SendProgress) -> Void

    init(_ notify: @escaping @Sendable (SendProgress) -> Void) { self.notify = notify }

    func onProgress(progress: RawProgress) { notify(SendProgress(progress)) }
}

/// A look at one send while it runs, and after it.
public final class SendLog: @unchecked Sendable {
    private let lock = NSLock()
    private var sending: RawSending?
    private var ended: (progress: SendProgress, receipts: [Receipt])?

    /// A log for one send.
    public init() {}

    /// The counts at this moment; nil before the send has begun.
    public var progress: SendProgress? {
        lock.lock()
        defer { lock.unlock() }
        return ended?.progress ?? sending.map { SendProgress($0.progress()) }
    }

    /// The receipts at this moment, in input order: what may have left is unclear, what has not left is rejected, both with
    /// an error of the kind `canceled`.
    public var receipts: [Receipt] {
        lock.lock()
        defer { lock.unlock() }
        return ended?.receipts ?? sending?.receipts().map(Receipt.init) ?? []
    }

    func attach(_ sending: RawSending) throws {
        lock.lock()
        defer { lock.unlock() }
        guard self.sending == nil, ended == nil else { throw PayamakError.configuration("a SendLog is for one send") }
        self.sending = sending
    }

    func detach() {
        lock.lock()
        defer { lock.unlock() }
        guard let sending = sending else { return }
        ended = (SendProgress(sending.progress()), sending.receipts().map(Receipt.init))
        self.sending = nil
    }
}

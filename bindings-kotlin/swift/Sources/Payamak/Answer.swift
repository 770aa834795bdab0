import PayamakBridge

/// Each question has one kind of answer: see `src/payam_resan.rs` and `src/niksms.rs`.
extension RawAnswer {
    var sent: [RawSent] {
        guard case .sent(let rows) = self else { otherwise() }
        return rows
    }

    var batch: SendBatch {
        guard case .batch(let batch) = self else { otherwise() }
        return SendBatch(batch)
    }

    var statuses: [MessageStatus] {
        guard case .statuses(let statuses, let rows) = self else { otherwise() }
        let shared = statuses.map(DeliveryStatus.init)
        return rows.map { MessageStatus($0, shared[Int($0.status)]) }
    }

    var templates: [RawTemplate] {
        guard case .templates(let rows) = self else { otherwise() }
        return rows
    }

    var account: AccountInfo {
        guard case .account(let credit, let senderLines) = self else { otherwise() }
        return AccountInfo(credit: credit, senderLines: senderLines)
    }

    var incoming: [RawIncomingMessage] {
        guard case .incoming(let rows) = self else { otherwise() }
        return rows
    }

    var number: Double {
        guard case .number(let value) = self else { otherwise() }
        return value
    }

    var flag: Bool {
        guard case .flag(let value) = self else { otherwise() }
        return value
    }

    var text: String? {
        guard case .text(let value) = self else { otherwise() }
        return value
    }

    var texts: [String] {
        guard case .texts(let values) = self else { otherwise() }
        return values
    }

    private func otherwise() -> Never { preconditionFailure("another answer than that to the question") }
}

using System.Text.Json;

namespace Tuna.Data.Formats;

/// <summary>Instruction rows of any form: instructions with responses as they are, and ranked rows by their best candidates.</summary>
internal static class InstructionForms
{
    /// <summary>Whether a row is an instruction with one response under some of the usual names.</summary>
    public static bool IsAnswered(FormFields fields) =>
        !fields.IsUnpaired && !fields.HasAny("chosen", "rejected")
        && ((fields.HasAny(AnsweredFormat.ResponseNames) && HasPrompt(fields)) || fields.HasConversation("messages")
            || fields.HasConversation("conversations") || fields.HasConversation("conversation")
            || (HasPrompt(fields) && fields.HasInstances));

    /// <summary>What reads instruction rows, by a file's first row.</summary>
    public static RowFormat<InstructionExample> Of(FormFields fields, RowContext context)
    {
        string? form = RankedFormats.Find(fields);
        if (form is "alpaca" or "answered")
            return form == "alpaca" ? InstructionFormat.Instance : AnsweredFormat.Instance;
        // Rows that only ask; others are for the ranked forms to tell, or to refuse.
        if (form is null && HasPrompt(fields) && !fields.IsUnpaired
            && !fields.HasAny("chosen", "rejected", "completion", "completions", "answers", "responses", "label")
            && !fields.Has("output", JsonValueKind.Array))
            return fields.Has("instruction") && !fields.HasAny([.. PreferencePrompt.SystemNames, "history", "context"])
                ? InstructionFormat.Instance : AnsweredFormat.Instance;
        return new BestOfRankedFormat(RankedFormats.ByName[RankedFormats.Detect(fields, context)]);
    }

    public static DataFormatException NoPrompt(JsonElement row, RowContext context) => context.Error(
        $"there is no instruction; the row has the fields {RowFields.Names(row)}. Known names: "
            + $"{string.Join(", ", PreferencePrompt.TextNames)}, input, messages, conversations.", "instruction");

    public static DataFormatException NoResponse(RowContext context)
    {
        FormFields fields = FormFields.Of(context.Raw.Span, context);
        return context.Error(
            $"there is no response to learn; the row has the fields {fields.Names}.{fields.Hint()} Known names: "
                + $"{string.Join(", ", AnsweredFormat.ResponseNames)}, instances, messages, conversations, chosen and rejected.", "output");
    }

    private static bool HasPrompt(FormFields fields) =>
        fields.HasAny(PreferencePrompt.TextNames) || fields.Has("input", JsonValueKind.String);

    /// <summary>Any form, told by the first row of a reading.</summary>
    internal sealed class Any : RowFormat<InstructionExample>
    {
        public static readonly Any Instance = new();

        public override InstructionExample Read(ref Utf8JsonReader reader, RowContext context) =>
            InstructionFormat.Instance.Read(ref reader, context);

        public override void Write(Utf8JsonWriter writer, InstructionExample row) => InstructionFormat.Instance.Write(writer, row);

        public override string? IdOf(InstructionExample row) => row.Id;

        internal override InstructionExample WithId(InstructionExample row, string id, RowContext context) => row with
        {
            Id = id,
            IdIsNumber = false,
        };

        internal override RowFormat<InstructionExample> ForRows(ReadOnlySpan<byte> first, RowContext context) =>
            Of(FormFields.Of(first, context), context);
    }

    /// <summary>Ranked rows as instructions: the best candidate, or the reference of a row that is not ranked. One for each
    /// reading.</summary>
    private sealed class BestOfRankedFormat(RowFormat<RankedExample> ranked) : RowFormat<InstructionExample>
    {
        private RankedExample? _last;
        private RowContext? _context;

        public override InstructionExample Read(ref Utf8JsonReader reader, RowContext context)
        {
            (_last, _context) = (ranked.Read(ref reader, context), context);
            context.RowId = _last.Id;
            return Best(_last, context);
        }

        public override void Write(Utf8JsonWriter writer, InstructionExample row) => InstructionFormat.Instance.Write(writer, row);

        public override string? IdOf(InstructionExample row) => row.Id;

        internal override InstructionExample? TryReadQuickly(RowContext context) =>
            ranked.TryReadQuickly(context) is { } row ? Best(row, context) : null;

        internal override InstructionExample WithId(InstructionExample row, string id, RowContext context) => row with
        {
            Id = id,
            IdIsNumber = false,
        };

        internal override RowJoin<InstructionExample>? StartJoin() => ranked.StartJoin() is { } join ? new BestOfJoined(this, join) : null;

        // Rows are joined as ranked ones, before the best is taken. A row comes here right after it was read.
        private sealed class BestOfJoined(BestOfRankedFormat format, RowJoin<RankedExample> join) : RowJoin<InstructionExample>
        {
            public override IEnumerable<InstructionExample> Add(InstructionExample row) =>
                join.Add(format._last! with { Id = row.Id!, IdIsNumber = row.IdIsNumber }).Select(r => Best(r, format._context!));

            public override IEnumerable<InstructionExample> End() => join.End().Select(r => Best(r, format._context!));
        }

        private static InstructionExample Best(RankedExample row, RowContext context)
        {
            if (row.IsRanked)
                return row.Instructions(bestOnly: true).First();
            if (row.Reference is null && context.Options.RequireResponse)
                throw context.Error(
                    "the row has candidates but no scores and no reference: there is no response to learn. Rank it first, or give "
                    + "`reference`.", "score");
            return new()
            {
                Id = row.Id,
                IdIsNumber = row.IdIsNumber,
                Instruction = row.Instruction,
                Input = row.Input ?? "",
                Output = row.Reference ?? "",
                Extra = row.Extra,
            };
        }
    }
}

/// <summary>Instructions with one response under any of its names, as ranked rows: the response is the reference, and there is nothing to
/// rank. Read only.</summary>
internal sealed class AnsweredRankedFormat : RowFormat<RankedExample>
{
    public static AnsweredRankedFormat Instance { get; } = new();

    public override RankedExample Read(ref Utf8JsonReader reader, RowContext context)
    {
        InstructionExample row = AnsweredFormat.Instance.Read(ref reader, context);
        RankedExample read = AlpacaFormat.Ranked(row, context);
        context.RowId = read.Id;
        return read;
    }

    public override void Write(Utf8JsonWriter writer, RankedExample row) =>
        throw new NotSupportedException("This form is read, not written.");

    public override string? IdOf(RankedExample row) => row.Id;

    internal override RankedExample WithId(RankedExample row, string id, RowContext context) => row with { Id = id, IdIsNumber = false };

    internal override RowJoin<RankedExample> StartJoin() => new Instances();

    private sealed class Instances : RowJoin<RankedExample>
    {
        private readonly RowJoin<InstructionExample> _rows = AnsweredFormat.Instance.StartJoin();

        public override IEnumerable<RankedExample> Add(RankedExample row) =>
            _rows.Add(new() { Id = row.Id, IdIsNumber = row.IdIsNumber, Instruction = row.Instruction, Input = row.Input
                ?? "", Output = row.Outputs[0], Extra = row.Extra }).Select(r => row with
                {
                    Id = r.Id!,
                    IdIsNumber = r.IdIsNumber,
                    Input = r.Input.Length == 0 ? null : r.Input,
                    Outputs = [r.Output],
                    Reference = r.Output,
                    Extra = r.Extra,
                });
    }
}

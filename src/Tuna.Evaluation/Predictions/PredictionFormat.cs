using System.Text.Json;
using Tuna.Data;

namespace Tuna.Evaluation.Predictions;

/// <summary>A row of a file of predictions: <c>id</c> and <c>prediction</c>, optional <c>tokens</c>, <c>stopped</c> and <c>prompt_hash</c>;
/// other fields are passed over.</summary>
internal sealed class PredictionFormat : RowFormat<Prediction>
{
    /// <summary>The shared instance (it has no state).</summary>
    public static PredictionFormat Instance { get; } = new();

    /// <inheritdoc/>
    public override Prediction Read(ref Utf8JsonReader reader, RowContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        context.Expect(reader, JsonTokenType.StartObject);
        context.CheckLine();
        string? id = null, text = null, hash = null;
        int? tokens = null;
        bool? stopped = null;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            if (reader.ValueTextEquals("id"u8) && reader.Read())
                (id, _) = context.Id(ref reader);
            else if (reader.ValueTextEquals("prediction"u8) && reader.Read())
                text = context.String(ref reader, "prediction");
            else if (reader.ValueTextEquals("tokens"u8) && reader.Read())
                tokens = reader.TokenType == JsonTokenType.Number && reader.TryGetInt32(out int n)
                    ? n : throw context.Error("expected a whole number.", "tokens");
            else if (reader.ValueTextEquals("stopped"u8) && reader.Read())
                stopped = reader.TokenType is JsonTokenType.True or JsonTokenType.False
                    ? reader.GetBoolean() : throw context.Error("expected true or false.", "stopped");
            else if (reader.ValueTextEquals("prompt_hash"u8) && reader.Read())
                hash = context.String(ref reader, "prompt_hash");
            else
                Skip(ref reader);
        }

        return new Prediction(
            id ?? throw context.Error("the id is missing; every prediction names the instance it is for.", "id"),
            text ?? throw context.Error("the prediction is missing; write \"\" for an empty one.", "prediction"),
            tokens,
            stopped,
            hash);
    }

    /// <inheritdoc/>
    public override void Write(Utf8JsonWriter writer, Prediction row)
    {
        ArgumentNullException.ThrowIfNull(writer);
        ArgumentNullException.ThrowIfNull(row);
        writer.WriteStartObject();
        writer.WriteString("id"u8, row.Id);
        writer.WriteString("prediction"u8, row.Text);
        if (row.TokenCount is { } tokens)
            writer.WriteNumber("tokens"u8, tokens);
        if (row.Stopped is { } stopped)
            writer.WriteBoolean("stopped"u8, stopped);
        if (row.PromptHash is { } hash)
            writer.WriteString("prompt_hash"u8, hash);
        writer.WriteEndObject();
    }

    /// <inheritdoc/>
    public override string? IdOf(Prediction row)
    {
        ArgumentNullException.ThrowIfNull(row);
        return row.Id;
    }

    private static void Skip(ref Utf8JsonReader reader)
    {
        reader.Read();
        reader.Skip();
    }
}

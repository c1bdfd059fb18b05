using System.Text.Json;
using Tuna.Tokenizers.Models;

namespace Tuna.Tokenizers.Json;

/// <summary>Reads added tokens.</summary>
internal static class AddedTokenReader
{
    /// <summary>The <c>added_tokens</c> of tokenizer.json.</summary>
    /// <remarks>
    /// Hugging Face tokenizers does not believe the ids: a token that is a piece has the piece's, the others follow the vocabulary in
    /// order. A file that says
    /// otherwise means one id in the file and another in every program that loads it, so it is refused.
    /// </remarks>
    public static IReadOnlyList<AddedToken> Read(JsonFields fields, Vocabulary vocabulary)
    {
        var tokens = new List<AddedToken>();
        var seen = new Dictionary<string, int>(StringComparer.Ordinal);
        int next = vocabulary.Count;
        int index = 0;
        foreach (JsonElement element in fields.Items("added_tokens"))
        {
            var token = new JsonFields(element, $"{fields.Where}: added_tokens[{index++}]");
            AddedToken added = Token(token.Number("id", 0), token);
            if (!seen.TryAdd(added.Content, added.Id))
                throw new InvalidDataException($"{token.Where}: '{added.Content}' is added twice.");
            int given = vocabulary.IdOf(added.Content) ?? next++;
            if (given != added.Id)
            {
                string owner = vocabulary.PieceOf(added.Id) is { } piece ? $", which is the piece '{piece}'" : "";
                throw new InvalidDataException(
                    $"{token.Where}: '{added.Content}' has id {added.Id} in the file{owner}, and Hugging Face tokenizers would give it "
                        + $"{given}; " +
                    "write the file again with the library that made it.");
            }

            tokens.Add(added);
        }

        return tokens;
    }

    /// <summary>An added token as tokenizer.json and tokenizer_config.json describe it.</summary>
    public static AddedToken Token(int id, JsonFields fields)
    {
        bool special = fields.Flag("special", false);
        fields.Ignore("__type");
        var token = new AddedToken(id, fields.Text("content"), special)
        {
            StripLeft = fields.Flag("lstrip", false),
            StripRight = fields.Flag("rstrip", false),
            SingleWord = fields.Flag("single_word", false),
            Normalized = fields.Flag("normalized", !special),
        };
        fields.Done();
        return token;
    }
}

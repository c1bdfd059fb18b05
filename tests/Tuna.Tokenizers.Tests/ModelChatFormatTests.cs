using Tuna.Data;
using Tuna.Data.Groups;
using Tuna.Data.Prompts;

namespace Tuna.Tokenizers.Tests;

public class ModelChatFormatTests
{
    private const string ChatMl =
        "{% for m in messages %}{{ '<|im_start|>' + m.role + '\\n' + m.content + '<|im_end|>\\n' }}{% endfor %}{% if "
        + "add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}";

    [Fact]
    public void EncodePromptAndResponse_ChatMl_AreTheTemplatesIdsUpToTheEndOfTheTurn()
    {
        using var folder = new TemporaryFolder();
        ModelChatFormat format = Format(folder, ChatMl, out HuggingFaceTokenizer tokenizer);
        ChatTurn[] turns = [new("system", "Be brief."), new("user", "Hi"), new("assistant", "Hello"), new("user", "Fish?")];

        Assert.Equal(257, format.StopToken);
        Assert.Equal("<|im_end|>", format.StopText);
        Assert.Equal(tokenizer.EncodeWithSpecialTokens(
            "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\nHello<|im_end|>\n"
            + "<|im_start|>user\nFish?<|im_end|>\n<|im_start|>assistant\n"), format.EncodePrompt(turns));
        Assert.Equal([.. tokenizer.Encode("Tuna."), 257], format.EncodeResponse(turns, "Tuna."));
        Assert.Equal([257], format.EncodeResponse(turns, ""));
    }

    [Theory]
    // no special token: the tokenizer's own
    [InlineData("{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}{% if add_generation_prompt %}assistant: {% endif %}",
        258)]
    [InlineData("{% for m in messages %}{{ m.content }}{{ eos_token if m.role == 'assistant' }}{% endfor %}", 258)]
    [InlineData(
        "{% for m in messages %}[{{ m.role }}]{{ m.content }}{% if m.role == 'assistant' %}<|im_end|>{{ eos_token }}{% endif %}{% endfor "
        + "%}", 257)]
    public void StopToken_Templates_IsTheFirstSpecialTokenAfterAnAnswer(string template, int stop)
    {
        using var folder = new TemporaryFolder();
        ModelChatFormat format = Format(folder, template, out _);
        Assert.Equal(stop, format.StopToken);
        Assert.Equal(stop, format.EncodeResponse([new("user", "x")], "yes")[^1]);
    }

    [Fact]
    public void EncodeResponse_TemplateThatBeginsAnswersOtherwise_IsTheAnswerItself()
    {
        using var folder = new TemporaryFolder();
        ModelChatFormat format = Format(folder,
            ChatMl.Replace("assistant\\n' }}{% endif", "assistant\\n<think>\\n' }}{% endif", StringComparison.Ordinal),
            out HuggingFaceTokenizer tokenizer);
        Assert.Equal([.. tokenizer.Encode("4"), 257], format.EncodeResponse([new("user", "2+2?")], "4"));
    }

    [Theory]
    [InlineData("user", "a<|im_end|>b")]
    [InlineData("user<|im_start|>", "a")]
    [InlineData("assistant", "<|endoftext|>")]
    public void EncodePrompt_SpecialTokenInATurn_IsRefused(string role, string content)
    {
        using var folder = new TemporaryFolder();
        ModelChatFormat format = Format(folder, ChatMl, out _);
        Assert.Contains("special token",
            Assert.Throws<ArgumentException>(() => format.EncodePrompt([new(role, content), new("user", "x")])).Message,
            StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => format.EncodeResponse([new("user", "x")], "no<|im_end|>"));
    }

    [Fact]
    public void Tokenize_Conversation_IsTheModelsOwnFormFromEndToEnd()
    {
        using var folder = new TemporaryFolder();
        ModelChatFormat format = Format(folder, ChatMl, out HuggingFaceTokenizer tokenizer);
        string file = folder.Write("rows.jsonl",
            """{"id": "c", "messages": [{"role": "user", "content": "One?"}, {"role": "assistant", "content": "1"},"""
            + """ {"role": "user", "content": "Two?"}, {"role": "assistant", "content": "2"}]}""" + """

            {"id": "forged", "messages": [{"role": "user", "content": "<|im_end|>"}, {"role": "assistant", "content": "no"}]}
            """);
        InstructionExample[] rows = [.. InstructionData.Read(file)];
        var groups = new GroupTokenizer(tokenizer, format);
        var report = new TokenizationReport();

        var last = Assert.Single(groups.Tokenize(rows, report));
        Assert.Equal(1, report.Count(TokenizationIssueKind.PromptRefused));
        Assert.Equal(tokenizer.EncodeWithSpecialTokens(
            "<|im_start|>user\nOne?<|im_end|>\n<|im_start|>assistant\n1<|im_end|>\n"
            + "<|im_start|>user\nTwo?<|im_end|>\n<|im_start|>assistant\n"), last.Prompt.ToArray());
        Assert.Equal([.. tokenizer.Encode("2"), 257], last.Responses[0].ToArray());

        InstructionExample[] all = [.. rows[0].EachAnswer()];
        Assert.Equal(["c/turn-1", "c"], all.Select(r => r.Id));
        var first = groups.Tokenize(all[0]).Group!;
        Assert.Equal(tokenizer.EncodeWithSpecialTokens("<|im_start|>user\nOne?<|im_end|>\n<|im_start|>assistant\n"),
            first.Prompt.ToArray());
        Assert.Equal([.. tokenizer.Encode("1"), 257], first.Responses[0].ToArray());
    }

    [Fact]
    public void Tokenize_RankedConversation_EveryCandidateContinuesTheTurns()
    {
        using var folder = new TemporaryFolder();
        ModelChatFormat format = Format(folder, ChatMl, out HuggingFaceTokenizer tokenizer);
        string file = folder.Write("rows.jsonl",
            """{"prompt": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}, {"role": "user", "content": "c"}],"""
            + """ "chosen": [{"role": "assistant", "content": "good"}], "rejected": [{"role": "assistant", "content": "bad"}]}""");
        var group = new GroupTokenizer(tokenizer, format).Tokenize(RankedData.Read(file).Single()).Group!;
        Assert.Equal(tokenizer.EncodeWithSpecialTokens(
            "<|im_start|>user\na<|im_end|>\n<|im_start|>assistant\nb<|im_end|>\n<|im_start|>user\nc<|im_end|>\n<|im_start|>assistant\n"),
            group.Prompt.ToArray());
        Assert.Equal([[.. tokenizer.Encode("good"), 257], [.. tokenizer.Encode("bad"), 257]], group.Responses.Select(r => r.ToArray()));
    }

    [Fact]
    public void Load_SeveralNamedTemplates_TakesTheOneAskedFor()
    {
        using var folder = new TemporaryFolder();
        folder.Write("tokenizer_config.json",
            """{"bos_token": {"content": "<s>"}, "chat_template": [{"name": "default", "template": "{{ bos_token }}D"}, {"name":"""
                + """ "tool_use", "template": "T"}]}""");
        Assert.Equal("<s>D", ChatTemplate.Load(folder.Path)!.Render([]));
        Assert.Equal("T", ChatTemplate.Load(folder.Path, "tool_use")!.Render([]));
        Assert.Throws<InvalidDataException>(() => ChatTemplate.Load(folder.Path, "rag"));
        Assert.Throws<ArgumentException>(() => ChatTemplate.Load(folder.Path, "../x"));
        folder.Write("chat_template.jinja", "J");
        Assert.Equal("J", ChatTemplate.Load(folder.Path)!.Render([]));
    }

    private static ModelChatFormat Format(TemporaryFolder folder, string template, out HuggingFaceTokenizer tokenizer)
    {
        folder.Write("tokenizer.model",
            string.Join('\n', Enumerable.Range(0, 256).Select(b => $"{Convert.ToBase64String([(byte)b])} {b}")));
        folder.Write("tokenizer_config.json", """
            {"eos_token": "<|endoftext|>", "added_tokens_decoder": {"256": {"content": "<|im_start|>", "special": true},
            "257": {"content": "<|im_end|>", "special": true}, "258": {"content": "<|endoftext|>", "special": true}}}
            """);
        folder.Write("chat_template.jinja", template);
        tokenizer = HuggingFaceTokenizer.Load(folder.Path);
        return new ModelChatFormat(tokenizer, ChatTemplate.Load(folder.Path)!);
    }
}
